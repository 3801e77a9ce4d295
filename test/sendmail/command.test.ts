/** `posthaste sendmail` as a process: what becomes of a message, and what the caller hears. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { describe, expect, test } from 'vitest';
import { BIN, run, serve } from '../support/posthaste.ts';
import { Sandbox } from './sandbox.ts';

const USER = userInfo().username;

describe('a message of a program', () => {
  test('gets what it lacks: From of the user, Date, Message-ID, and a Received field without a network', async () => {
    using box = new Sandbox();
    const ran = await box.sendmail(['-FCron Daemon', 'root'], 'Subject: Cron <root@host> backup\n\nall is well\n');
    expect(ran).toEqual({ code: 0, stdout: '', stderr: '' });
    const { message, recipients, content } = await box.only();
    expect(recipients).toEqual(['root@host.example']);
    expect(message).toMatchObject({
      sender: `${USER}@host.example`,
      origin: 'sendmail',
      metadata: { user: USER },
      subject: 'Cron <root@host> backup',
    });
    expect(content).toMatch(
      new RegExp(
        `^Received: by host\\.example \\(posthaste\\) id ${message.id}\n\tfor <root@host\\.example>;\n\t.*\n` +
          `Subject: Cron <root@host> backup\nFrom: Cron Daemon <${USER}@host\\.example>\n` +
          `Date: .*\nMessage-ID: <${message.id}@host\\.example>\n\nall is well\n$`,
      ),
    );
  });

  test('is taken as it is where nothing is missing, with Bcc removed and its recipients kept', async () => {
    using box = new Sandbox();
    const header =
      'From: ann@example.com\nTo: Bob <bob@example.com>\nBcc: Cy <cy@example.org>\nDate: Sun, 22 Nov 2026 06:00:00 +0000\n';
    const id = 'Message-ID: <mine@example.com>\n';
    await box.sendmail(['-t', '-i', '-f', 'bounces@example.com'], `${header}${id}\n.\nStraße\n`);
    const { message, recipients, content } = await box.only();
    expect(message.sender).toBe('bounces@example.com');
    expect(recipients).toEqual(['bob@example.com', 'cy@example.org']);
    expect(content.slice(content.indexOf('From:'))).toBe(
      `${header.replace(/Bcc.*\n/, '')}${id}\n.\n${Buffer.from('Straße').toString('latin1')}\n`,
    );
    expect(message.eightBit).toBe(true);
  });

  test('has its empty From, Date and Message-ID replaced', async () => {
    using box = new Sandbox();
    await box.sendmail(['a@example.com'], 'From: \nDate:\nMessage-ID: \nFROM :\n \nSubject: x\n\nFrom:\n');
    const { message, content } = await box.only();
    expect(message.messageId).toBe(`<${message.id}@host.example>`);
    expect(content.slice(content.indexOf('Subject'))).toMatch(
      new RegExp(`^Subject: x\nFrom: ${USER}@host\\.example\nDate: .+\nMessage-ID: ${message.messageId}\n\nFrom:\n$`),
    );
    expect(content.match(/^(?:from|date|message-id)\b/gim)).toHaveLength(4);
  });

  test('ends at a line with a lone dot, and with -i it does not', async () => {
    using box = new Sandbox();
    await box.sendmail(['a@example.com'], 'Subject: 1\n\nup to here\n.\nnot this\n');
    await box.sendmail(['-oi', 'a@example.com'], 'Subject: 2\n\nup to here\n.\nand this\n');
    const [first, second] = await box.kept();
    expect(first?.content).toMatch(/\n\nup to here\n$/);
    expect(second?.content).toMatch(/\n\nup to here\n\.\nand this\n$/);
  });

  test('of no header at all, and one of nothing, are messages', async () => {
    using box = new Sandbox();
    await box.sendmail(['a@example.com'], 'disk is full\n');
    await box.sendmail(['a@example.com'], '');
    const [first, second] = await box.kept();
    expect(first?.content).toMatch(/\nFrom: .*\nDate: .*\nMessage-ID: .*\n\ndisk is full\n$/);
    expect(second?.content).toMatch(/\nFrom: .*\nDate: .*\nMessage-ID: .*\n(\n)?$/);
  });

  test('with progress bars and NULs: a CR begins a line, a NUL cannot travel', async () => {
    using box = new Sandbox();
    expect((await box.sendmail(['a@example.com'], 'Subject: x\n\n10 %\r100 %\n')).code).toBe(0);
    const refused = await box.sendmail(['a@example.com'], 'Subject: x\n\na\0b\n');
    expect(refused.code).toBe(65);
    expect(refused.stderr).toContain('NUL');
    expect((await box.only()).content).toMatch(/\n10 %\n100 %\n$/);
  });

  test('carries its DSN wishes', async () => {
    using box = new Sandbox();
    const flags = ['-N', 'failure,delay', '-Rhdrs', '-V', 'job 7', '-B8BITMIME'];
    await box.sendmail([...flags, 'a@example.com'], 'Subject: x\n\n');
    const { message, deliveries } = await box.only();
    expect(message).toMatchObject({ ret: 'hdrs', envelopeId: 'job+207' });
    expect(deliveries[0]?.notify).toEqual(['failure', 'delay']);
  });

  test('with addresses beyond ASCII needs SMTPUTF8', async () => {
    using box = new Sandbox();
    await box.sendmail(['jürgen@exämple.de'], 'Subject: x\n\n');
    expect((await box.only()).message.smtputf8).toBe(true);
  });

  test('for names without a domain goes to the one who is set for them', async () => {
    using box = new Sandbox({ POSTHASTE_LOCAL_RECIPIENT: 'admin@example.com', POSTHASTE_LOCAL_DOMAIN: 'example.net' });
    await box.sendmail(['root', 'www-data', 'bob@example.org'], 'Subject: x\n\n');
    const { message, recipients } = await box.only();
    expect(recipients).toEqual(['admin@example.com', 'bob@example.org']);
    expect(message.sender).toBe(`${USER}@example.net`);
  });

  test('is told of with -v: its id, where it is, and that nothing runs that would send it', async () => {
    using box = new Sandbox();
    const { code, stderr } = await box.sendmail(['-v', 'a@example.com'], 'Subject: x\n\n');
    const { message } = await box.only();
    expect(code).toBe(0);
    expect(stderr).toBe(
      `posthaste: queued as ${message.id}; written to ${box.data}/posthaste.db; no posthaste runs here now: it is sent when one does\n`,
    );
  });
});

test('a server that runs sends what sendmail puts into its queue, and -v says no word of waiting', async () => {
  using box = new Sandbox();
  mkdirSync(box.data);
  const server = serve({ dataDir: box.data });
  try {
    await server.ready();
    const { code, stderr } = await box.sendmail(['-v', 'a@example.com'], 'Subject: x\n\n');
    expect(code).toBe(0);
    expect(stderr).toMatch(/^posthaste: queued as \S+; written to \S+\n$/);
    const captured = await server.line(({ msg }) => msg === 'captured');
    expect(stderr).toContain(String(captured.id));
  } finally {
    await server.stop();
  }
});

describe('the rules of all ways in hold', () => {
  test('a suppressed recipient gets nothing', async () => {
    using box = new Sandbox();
    await box.sendmail(['a@example.com'], 'Subject: first\n\n');
    const { openStore } = await import('../../src/store/open.ts');
    const store = await openStore(`${box.data}/posthaste.db`, { here: true });
    await store.suppress([{ target: 'no@example.com', reason: 'asked', since: 0, until: null, note: null }]);
    await store.close();
    await box.sendmail(['no@example.com'], 'Subject: second\n\n');
    const [, second] = await box.kept();
    expect(second?.deliveries[0]).toMatchObject({ state: 'bounced', reason: 'suppressed' });
  });

  test.each([
    ['larger than allowed', { POSTHASTE_MAX_MESSAGE_SIZE: '1000' }, `Subject: x\n\n${'x'.repeat(2000)}`, 69, '5.3.4'],
    [
      'with a header larger than allowed',
      { POSTHASTE_MAX_HEADER_SIZE: '1000' },
      `X: ${'x'.repeat(2000)}\n\n`,
      69,
      '5.3.4',
    ],
    ['in a loop', {}, 'Received: x\n'.repeat(60), 69, '5.4.6'],
    ['on a disk without room', { POSTHASTE_MIN_FREE_SPACE: '999999GB' }, 'Subject: x\n\n', 75, '4.3.1'],
  ])('a message %s is refused, and nothing of it is kept', async (_, settings, input, code, status) => {
    using box = new Sandbox(settings as Record<string, string>);
    const ran = await box.sendmail(['a@example.com'], input);
    expect(ran.code).toBe(code);
    expect(ran.stderr).toContain(status);
    expect(await box.kept()).toEqual([]);
  });

  test('more recipients than allowed are refused as a whole', async () => {
    using box = new Sandbox({ POSTHASTE_MAX_RECIPIENTS: '2' });
    const ran = await box.sendmail(['a@example.com', 'b@example.com', 'c@example.com'], 'Subject: x\n\n');
    expect(ran.code).toBe(69);
    expect(ran.stderr).toContain('too many recipients');
  });
});

describe('the exit code', () => {
  test.each([
    [64, [], /no recipients/],
    [64, ['-t'], /no recipients/],
    [64, ['-Z', 'a@example.com'], /no option -Z/],
    [64, ['-f'], /-f needs a value/],
    [64, ['-N', 'sometimes', 'a@example.com'], /-N must be/],
    [64, ['-bd'], /posthaste serve/],
    [64, ['-C/tmp/evil.cf', 'a@example.com'], /-C/],
    [65, ['two words'], /"two words" is malformed/],
    [65, ['a@b..c'], /malformed domain/],
    [0, ['-q30m'], /^$/],
    [0, ['-bi'], /^$/],
  ])('is %i for %j', async (code, args, words) => {
    using box = new Sandbox();
    const ran = await box.sendmail(args, 'Subject: x\n\n');
    expect(ran.stderr).toMatch(words);
    expect(ran.code).toBe(code);
  });

  test('is 71 when the message cannot be read', async () => {
    using box = new Sandbox();
    const ran = await box.run('sh', ['-c', `"${box.program}" a@example.com </`]);
    expect(ran.code).toBe(71);
    expect(ran.stderr).toBe('posthaste: standard input is a directory\n');
    expect(existsSync(box.data)).toBe(false);
  });

  test('is 78 for a setting that is wrong, and names it', async () => {
    using box = new Sandbox();
    const ran = await box.sendmail(['a@example.com'], 'x', { POSTHASTE_MAX_AGE: 'soon' });
    expect(ran.code).toBe(78);
    expect(ran.stderr).toContain('POSTHASTE_MAX_AGE');
  });
});

test('a configuration file of the working directory, which may be anybody’s, is not looked at', async () => {
  using box = new Sandbox();
  writeFileSync(`${box.path}/posthaste.config.mjs`, 'process.exit(99)');
  expect((await box.sendmail(['a@example.com'], 'x')).code).toBe(0);
});

test('posthaste sendmail is the same as the link of that name', async () => {
  using box = new Sandbox();
  const ran = await run(process.execPath, [BIN, 'sendmail', '-ti'], {
    input: 'To: a@example.com\n\nx\n',
    environment: box.environment,
  });
  expect(ran).toEqual({ code: 0, stdout: '', stderr: '' });
  expect((await box.only()).recipients).toEqual(['a@example.com']);
});

test('newaliases has nothing to do', async () => {
  using box = new Sandbox();
  expect(await box.run(`${box.bin}/newaliases`, [])).toEqual({ code: 0, stdout: '', stderr: '' });
});
