/** Real clients on one side, a real server on the other, posthaste as a real process between them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { run, serve, temporaryFolder } from '../support/posthaste.ts';
import { installed, SmtpSink, submittedPart } from '../support/smtp-sink.ts';

const text = [
  'From: Application <app@example.org>',
  'To: User <user@example.com>',
  'Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=',
  'Date: Sun, 22 Nov 2026 00:00:00 +0000',
  'Message-ID: <e2e@example.org>',
  'X-Odd:   two  spaces\tand a tab ',
  '',
  '.a line that begins with a dot',
  '..two dots',
  '.',
  'trailing space ',
  '',
  'the last line',
  '',
].join('\n');
const crlf = text.replaceAll('\n', '\r\n');

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const file = join(folder.path, 'message.eml');
writeFileSync(file, crlf);

const smtplib = `
import smtplib, sys
with smtplib.SMTP('127.0.0.1', int(sys.argv[1])) as s:
    s.sendmail('app@example.org', ['user@example.com'], open(sys.argv[2], 'rb').read())
`;
const django = `
import sys
from django.conf import settings
settings.configure(EMAIL_HOST='127.0.0.1', EMAIL_PORT=int(sys.argv[1]), DEFAULT_CHARSET='utf-8')
import django; django.setup()
from django.core.mail import send_mail, EmailMessage
assert send_mail('Grüße von Django', 'Zeile eins\\n.\\nZeile drei – ü', 'app@example.org', ['user@example.com']) == 1
assert EmailMessage('cc and bcc', 'body', 'app@example.org', ['a@example.com'], ['hidden@example.com'], cc=['c@example.com']).send() == 1
`;

interface Case {
  readonly name: string;
  readonly command: (port: number) => [string, string[]];
}

const cases: Case[] = [
  {
    name: 'swaks',
    command: (port) => [
      'swaks',
      ['--server', `127.0.0.1:${port}`, '--from', 'app@example.org', '--to', 'user@example.com', '--data', `@${file}`],
    ],
  },
  {
    name: 'curl',
    command: (port) => [
      'curl',
      [
        '-sS',
        `smtp://127.0.0.1:${port}`,
        '--mail-from',
        'app@example.org',
        '--mail-rcpt',
        'user@example.com',
        '--upload-file',
        file,
      ],
    ],
  },
  {
    name: 'msmtp',
    command: (port) => {
      const flags = `--host=127.0.0.1 --port=${port} --auth=off --tls=off --from=app@example.org`;
      return ['sh', ['-c', `msmtp ${flags} user@example.com <${file}`]];
    },
  },
  { name: 'python3', command: (port) => ['python3', ['-c', smtplib, String(port), file]] },
];

const sink = installed('smtp-sink', '-h');

describe.skipIf(!sink)('a message from', () => {
  for (const { name, command } of cases) {
    test.skipIf(!installed(name))(`${name} arrives byte for byte apart from one Received field`, async () => {
      using data = temporaryFolder();
      const relay = await SmtpSink.start(data.path, 1);
      const server = serve({ dataDir: data.path, relay: relay.url });
      try {
        const { port } = await server.ready();
        const ran = await run(...command(port));
        expect(ran.code, ran.stdout + ran.stderr).toBe(0);
        const [kept = ''] = await relay.messages();
        const { content, received, lead } = submittedPart(kept);
        expect(content.trimEnd()).toBe(text.trimEnd());
        expect(received).toMatch(/^Received: from /);
        expect(lead).toContain('X-Mail-Args: <app@example.org>');
        expect(lead).toContain('X-Rcpt-Args: <user@example.com>');
      } finally {
        await server.stop();
        await relay.stop();
      }
    });
  }

  const hasDjango = installed('/usr/bin/python3', '-c', 'import django');
  test.skipIf(!hasDjango)("Django's default back end arrives, to, cc and bcc each in the envelope", async () => {
    using data = temporaryFolder();
    const relay = await SmtpSink.start(data.path, 2);
    const server = serve({ dataDir: data.path, relay: relay.url });
    try {
      const { port } = await server.ready();
      const ran = await run('/usr/bin/python3', ['-c', django, String(port)]);
      expect(ran.code, ran.stderr).toBe(0);
      const kept = await relay.messages();
      expect(kept.find((message) => message.includes('Subject: =?utf-8?'))).toBeDefined();
      const copied = kept.find((message) => message.includes('Subject: cc and bcc')) ?? '';
      expect(copied.match(/^X-Rcpt-Args: .*$/gm)).toEqual([
        'X-Rcpt-Args: <a@example.com>',
        'X-Rcpt-Args: <c@example.com>',
        'X-Rcpt-Args: <hidden@example.com>',
      ]);
    } finally {
      await server.stop();
      await relay.stop();
    }
  });

  test("Postfix's smtp-source sends 500 messages in 10 sessions, and all arrive", async () => {
    using data = temporaryFolder();
    const relay = await SmtpSink.start(data.path, 500);
    const server = serve({ dataDir: data.path, relay: relay.url });
    try {
      const { port } = await server.ready();
      const ran = await run('smtp-source', [
        '-s',
        '10',
        '-m',
        '500',
        '-l',
        '4096',
        '-f',
        'a@example.org',
        '-t',
        'b@example.com',
        `127.0.0.1:${port}`,
      ]);
      expect(ran.code, ran.stderr).toBe(0);
      expect(await relay.messages()).toHaveLength(500);
    } finally {
      await server.stop();
      await relay.stop();
    }
  });
});
