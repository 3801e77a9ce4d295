/** Real programs that pipe their mail into sendmail, or speak SMTP with it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run } from '../support/posthaste.ts';
import { installed, works } from '../support/smtp-sink.ts';
import { Sandbox } from './sandbox.ts';

const PYTHON = '/usr/bin/python3';
const GIT_SEND_EMAIL = '/usr/lib/git-core/git-send-email';

/** A body that shows what becomes of dots, blank lines and octets above 127. */
const BODY = 'Grüße\n.\n..two\n\nlast line\n';

function latin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}

test('cron: its own header, without Date and Message-ID, a local name, options of its own', async () => {
  using box = new Sandbox();
  const header = [
    'From: root (Cron Daemon)',
    'To: root',
    'Subject: Cron <root@host> /usr/local/bin/backup',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=UTF-8',
    'Content-Transfer-Encoding: 8bit',
    'X-Cron-Env: <SHELL=/bin/sh>',
    '',
  ].join('\n');
  const ran = await box.sendmail(['-i', '-FCronDaemon', '-B8BITMIME', '-oem', 'root'], `${header}\n${BODY}`);
  expect(ran).toEqual({ code: 0, stdout: '', stderr: '' });
  const { recipients, content } = await box.only();
  expect(recipients).toEqual(['root@host.example']);
  expect(content).toContain(`${header}Date: `);
  expect(content.endsWith(latin1(`\n\n${BODY}`))).toBe(true);
});

describe.skipIf(!installed('bsd-mailx', '-V'))('mail of bsd-mailx', () => {
  test('sends with its own options', async () => {
    using box = new Sandbox();
    const rc = join(box.path, 'mailrc');
    writeFileSync(rc, `set sendmail=${box.program}\n`);
    const args = ['-s', 'disk full', '-c', 'cc@example.com', '-b', 'bcc@example.com', 'admin@example.com'];
    const ran = await box.run('bsd-mailx', args, { input: BODY, environment: { MAILRC: rc } });
    expect(ran.code, ran.stderr).toBe(0);
    const { message, recipients, content } = await box.only();
    expect(message.subject).toBe('disk full');
    expect(recipients.toSorted()).toEqual(['admin@example.com', 'bcc@example.com', 'cc@example.com']);
    expect(content).not.toMatch(/^Bcc:/im);
    expect(content).toContain(latin1('..two\n\nlast line\n'));
  });
});

describe.skipIf(!installed('mail.mailutils'))('mail of mailutils', () => {
  test('sends with its own options', async () => {
    using box = new Sandbox();
    const set = `set sendmail=sendmail:${box.program}`;
    const args = ['--exec', set, '-s', 'disk full', 'admin@example.com,more@example.com'];
    const ran = await box.run('mail.mailutils', args, { input: 'it is\n' });
    expect(ran.code, ran.stderr).toBe(0);
    const { message, recipients, content } = await box.only();
    expect(message.subject).toBe('disk full');
    expect(recipients).toEqual(['admin@example.com', 'more@example.com']);
    expect(content).toMatch(/\n\nit is\n$/);
  });
});

describe.skipIf(!installed('s-nail', '-V'))('s-nail', () => {
  test('sends with its own options', async () => {
    using box = new Sandbox();
    const args = [
      '-n',
      '-S',
      'v15-compat',
      '-S',
      `mta=${box.program}`,
      '-r',
      'ann@example.com',
      '-s',
      'Grüße',
      'bob@example.com',
    ];
    const ran = await box.run('s-nail', args, { input: 'hello\n', environment: { LC_ALL: 'C.UTF-8' } });
    expect(ran.code, ran.stderr).toBe(0);
    const { message, recipients } = await box.only();
    expect(message).toMatchObject({ sender: 'ann@example.com', subject: 'Grüße' });
    expect(recipients).toEqual(['bob@example.com']);
  });
});

const git = works('git-send-email', 'test', '-e', GIT_SEND_EMAIL);

describe.skipIf(!git)('git send-email', () => {
  test('sends a series of patches', async () => {
    using box = new Sandbox();
    const me = {
      GIT_AUTHOR_NAME: 'Ann',
      GIT_AUTHOR_EMAIL: 'ann@example.com',
      GIT_COMMITTER_NAME: 'Ann',
      GIT_COMMITTER_EMAIL: 'ann@example.com',
    };
    const environment = { ...me, HOME: box.path, GIT_CONFIG_NOSYSTEM: '1' };
    const script = [
      'git init -q .',
      'for i in 1 2; do echo $i > file; git add file; git commit -qm "Änderung $i"; done',
      `git send-email --quiet --envelope-sender=auto --from='Ann <ann@example.com>' --to='List <list@example.org>' --cc=bob@example.com --suppress-cc=self --confirm=never --sendmail-cmd='${box.program} -i' --8bit-encoding=UTF-8 --root`,
    ].join(' && ');
    const ran = await box.run('sh', ['-ec', script], { environment });
    expect(ran.code, ran.stderr + ran.stdout).toBe(0);
    const kept = await box.kept();
    expect(kept.map(({ message }) => message.subject)).toEqual(['[PATCH 1/2] Änderung 1', '[PATCH 2/2] Änderung 2']);
    expect(kept.map(({ recipients }) => recipients.toSorted())).toEqual([
      ['bob@example.com', 'list@example.org'],
      ['bob@example.com', 'list@example.org'],
    ]);
    expect(kept[0]?.message.sender).toBe('ann@example.com');
  });
});

describe.skipIf(!installed('php'))("PHP's mail()", () => {
  const php = (box: Sandbox, code: string) =>
    box.run('php', ['-n', '-d', `sendmail_path=${box.program} -t -i`, '-r', code]);

  test('sends, and its fifth argument names the sender', async () => {
    using box = new Sandbox();
    const ran = await php(
      box,
      'exit(mail("Bob <bob@example.com>", "Hello", "one\\n.\\ntwo", "From: shop@example.com\\r\\nBcc: copy@example.com", "-fbounces@example.com") ? 0 : 1);',
    );
    expect(ran.code, ran.stderr + ran.stdout).toBe(0);
    const { message, recipients, content } = await box.only();
    expect(message).toMatchObject({ sender: 'bounces@example.com', subject: 'Hello' });
    expect(recipients).toEqual(['bob@example.com', 'copy@example.com']);
    expect(content).toMatch(/\nFrom: shop@example\.com\n/);
    expect(content).not.toContain('copy@example.com');
    expect(content).toMatch(/\n\none\n\.\ntwo\n$/);
  });

  test('answers false when the mail is refused', async () => {
    using box = new Sandbox();
    const ran = await php(box, 'exit(mail("two words", "Hello", "x") ? 0 : 1);');
    expect(ran.code).toBe(1);
    expect(await box.kept()).toEqual([]);
  });
});

describe.skipIf(!installed(PYTHON))("Python's email package and subprocess", () => {
  test('as the recipes have it', async () => {
    using box = new Sandbox();
    const code = `
import subprocess, sys
from email.message import EmailMessage
m = EmailMessage()
m['From'] = 'Ann <ann@example.com>'
m['To'] = 'Bob <bob@example.com>, "Doe, Jane" <jane@example.org>'
m['Bcc'] = 'copy@example.com'
m['Subject'] = 'Grüße'
m.set_content('Zeile eins\\n.\\nZeile drei – ü\\n')
subprocess.run([sys.argv[1], '-t', '-oi'], input=m.as_bytes(), check=True)
`;
    const ran = await box.run(PYTHON, ['-c', code, box.program]);
    expect(ran.code, ran.stderr).toBe(0);
    const { message, recipients } = await box.only();
    expect(message.subject).toBe('Grüße');
    expect(recipients).toEqual(['bob@example.com', 'jane@example.org', 'copy@example.com']);
  });
});

describe.skipIf(!installed('swaks'))('swaks', () => {
  test('speaks SMTP with sendmail -bs', async () => {
    using box = new Sandbox();
    const args = ['--pipe', `${box.program} -bs`, '--from', 'a@example.com', '--to', 'b@example.com,c@example.com'];
    const ran = await box.run('swaks', args);
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
    const { message, recipients, content } = await box.only();
    expect(ran.stdout).toContain(`queued as ${message.id}`);
    expect(recipients).toEqual(['b@example.com', 'c@example.com']);
    expect(message.origin).toBe('sendmail');
    expect(content).toMatch(/^Received: by host\.example \(posthaste\) id /);
  });
});

test('a session by -bs ends with its client, with 65 in the middle of a message, and keeps nothing of that', async () => {
  using box = new Sandbox();
  const cut = ['EHLO me', 'MAIL FROM:<a@b.c>', 'RCPT TO:<d@e.f>', 'DATA', 'Subject: cut', '', 'half'].join('\r\n');
  const ran = await run(box.program, ['-bs'], { input: cut, environment: box.environment });
  expect(ran.code).toBe(65);
  expect(ran.stderr).toBe('posthaste: standard input ended in the middle of a message, which was not taken\n');
  expect(ran.stdout).toMatch(/354 .*\r\n$/);
  expect(await box.kept()).toEqual([]);
});
