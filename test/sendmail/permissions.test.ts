/** A user who may not write the queue hands mail to the server, or hears why it cannot be taken. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BIN, cleanEnvironment, type Ran, serve } from '../support/posthaste.ts';
import { freePort } from '../support/smtp-sink.ts';
import { until } from '../support/until.ts';
import { Sandbox } from './sandbox.ts';

/** The user "nobody", whom no file of the queue belongs to. */
const NOBODY = 65534;

/** Only root can become another user, who must be able to read this program. */
const able =
  process.getuid?.() === 0 &&
  spawnSync(process.execPath, [BIN, '--version'], { uid: NOBODY, gid: NOBODY }).status === 0;
if (!able)
  console.warn('\n*** SKIPPED: only root can run sendmail as another user, where that one may read the program ***\n');

function startAsNobody(box: Sandbox, args: readonly string[], environment = {}): ChildProcessWithoutNullStreams {
  const child = spawn(box.program, args, {
    uid: NOBODY,
    gid: NOBODY,
    cwd: '/',
    env: cleanEnvironment({ ...box.environment, HOME: '/nonexistent', ...environment }),
  });
  child.stdin.on('error', () => undefined);
  return child;
}

async function asNobody(box: Sandbox, args: readonly string[], input: string, environment = {}): Promise<Ran> {
  const child = startAsNobody(box, args, environment);
  const out = child.stdout.setEncoding('latin1').toArray();
  const err = child.stderr.setEncoding('latin1').toArray();
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number];
  return { code, stdout: (await out).join(''), stderr: (await err).join('') };
}

/** Resolves when the process holds a file that has lost its name. */
function holding(pid: number, folder: string): Promise<void> {
  const folderOfFiles = `/proc/${pid}/fd`;
  const target = (name: string): string => {
    try {
      return readlinkSync(join(folderOfFiles, name));
    } catch {
      return '';
    }
  };
  const isLost = (path: string): boolean => path.startsWith(folder) && path.endsWith('(deleted)');
  return until(() => readdirSync(folderOfFiles).map(target).some(isLost));
}

/** A queue of root's, as posthaste makes it. */
async function rootsQueue(port: number): Promise<Sandbox> {
  const box = new Sandbox({ POSTHASTE_LISTEN: `127.0.0.1:${port}` });
  chmodSync(box.path, 0o755);
  const first = await box.sendmail(['first@example.com'], 'Subject: of root\n\n');
  if (first.code !== 0) throw new Error(first.stderr);
  return box;
}

describe.skipIf(!able)('another user than the owner of the queue', () => {
  test('hands the message to the server: as it is, to all recipients, however large', async () => {
    const port = await freePort();
    using box = await rootsQueue(port);
    const server = serve({ dataDir: box.data, port, environment: { POSTHASTE_HOSTNAME: 'host.example' } });
    try {
      await server.ready();
      const body = 'Grüße\n.\n'.repeat(100_000);
      const ran = await asNobody(
        box,
        ['-v', '-t', '-i', '-R', 'hdrs', '-N', 'never'],
        `To: a@example.com, b@example.com\nBcc: c@example.com\n\n${body}`,
      );
      expect(ran.stderr).toMatch(
        new RegExp(
          `^posthaste: queued as .*; nobody may not write .*: handed to the server at 127\\.0\\.0\\.1:${port}\n$`,
        ),
      );
      expect(ran.code).toBe(0);
    } finally {
      await server.stop();
    }
    const [, second] = await box.kept();
    expect(second?.recipients).toEqual(['a@example.com', 'b@example.com', 'c@example.com']);
    expect(second?.message).toMatchObject({ sender: 'nobody@host.example', origin: 'smtp', ret: 'hdrs' });
    expect(second?.deliveries[0]?.notify).toEqual(['never']);
    expect(second?.content).toContain('\nFrom: nobody@host.example\n');
    expect(second?.content).not.toContain('c@example.com');
    expect(Buffer.from(second?.content ?? '', 'latin1').toString()).toContain(`\n\n${'Grüße\n.\n'.repeat(100_000)}`);
  });

  test('hears with 65 that a NUL cannot travel, as the owner does', async () => {
    const port = await freePort();
    using box = await rootsQueue(port);
    const server = serve({ dataDir: box.data, port });
    try {
      await server.ready();
      const ran = await asNobody(box, ['a@example.com'], 'Subject: x\n\na\0b\n');
      expect(ran.stderr).toBe('posthaste: the message is refused: 550 5.6.11 the content has a NUL octet\n');
      expect(ran.code).toBe(65);
    } finally {
      await server.stop();
    }
    expect(await box.kept()).toHaveLength(1);
  });

  test('who is killed while the message waits for the server leaves no file behind', async () => {
    const port = await freePort();
    using box = await rootsQueue(port);
    const temporary = join(box.path, 'tmp');
    mkdirSync(temporary);
    chmodSync(temporary, 0o777);
    const server = serve({ dataDir: box.data, port });
    try {
      await server.ready();
      const child = startAsNobody(box, ['a@example.com'], { TMPDIR: temporary });
      child.stdin.write(`Subject: x\n\n${'x\n'.repeat(100_000)}`);
      await holding(child.pid as number, `${temporary}/`);
      child.kill('SIGKILL');
      await once(child, 'close');
      expect(readdirSync(temporary)).toEqual([]);
    } finally {
      await server.stop();
    }
    expect(await box.kept()).toHaveLength(1);
  });

  test('speaks SMTP with the server by -bs', async () => {
    const port = await freePort();
    using box = await rootsQueue(port);
    const server = serve({ dataDir: box.data, port });
    try {
      await server.ready();
      const lines = [
        'EHLO me',
        'MAIL FROM:<a@b.c>',
        'RCPT TO:<d@e.f>',
        'DATA',
        'Subject: x',
        '',
        'hi',
        '.',
        'QUIT',
        '',
      ];
      const ran = await asNobody(box, ['-bs'], lines.join('\r\n'));
      expect(ran.stdout).toMatch(/^220 .*250 2\.0\.0 queued as .*\r\n221 /s);
      expect(ran.code).toBe(0);
    } finally {
      await server.stop();
    }
  });

  test('speaks by -bs in lines that end with LF, and hears with 65 where a message is cut short', async () => {
    const port = await freePort();
    using box = await rootsQueue(port);
    const server = serve({ dataDir: box.data, port });
    try {
      await server.ready();
      const begin = 'EHLO me\nMAIL FROM:<a@b.c>\nRCPT TO:<d@e.f>\nDATA\nSubject: x\n\nhi\n';
      const ran = await asNobody(box, ['-bs'], `${begin}.\nQUIT\n`);
      expect(ran.stdout).toMatch(/\r\n250 2\.0\.0 queued as .*\r\n221 /s);
      expect(ran.code).toBe(0);
      const cut = await asNobody(box, ['-bs'], begin);
      expect(cut.stderr).toBe('posthaste: standard input ended in the middle of a message, which was not taken\n');
      expect(cut.code).toBe(65);
    } finally {
      await server.stop();
    }
    expect(await box.kept()).toHaveLength(2);
  });

  test('whose -bs ends with QUIT, though its input stays open', async () => {
    const port = await freePort();
    using box = await rootsQueue(port);
    const server = serve({ dataDir: box.data, port });
    try {
      await server.ready();
      const child = startAsNobody(box, ['-bs']);
      const said = child.stdout.setEncoding('latin1').toArray();
      child.stdin.write('EHLO me\r\nQUIT\r\n');
      const [code] = (await once(child, 'close')) as [number];
      expect((await said).join('')).toMatch(/\r\n221 .*\r\n$/);
      expect(code).toBe(0);
    } finally {
      await server.stop();
    }
  });

  test('whose -bs is asked to end does so at once', async () => {
    const port = await freePort();
    using box = await rootsQueue(port);
    const server = serve({ dataDir: box.data, port });
    try {
      await server.ready();
      const child = startAsNobody(box, ['-bs']);
      await once(child.stdout, 'data');
      child.kill('SIGTERM');
      expect(await once(child, 'close')).toEqual([null, 'SIGTERM']);
    } finally {
      await server.stop();
    }
  });

  test('is told with 75 and one sentence what stands in the way, when no server runs', async () => {
    const port = await freePort();
    using box = await rootsQueue(port);
    const ran = await asNobody(box, ['a@example.com'], 'Subject: x\n\n');
    expect(ran.code).toBe(75);
    expect(ran.stderr).toBe(
      `posthaste: The mail cannot be taken now: nobody may not write ${box.data}/posthaste.db, and no server answers at 127.0.0.1:${port}: start posthaste serve, or let this user write the queue.\n`,
    );
  });

  test('may write the queue as a member of its group, also the files that come and go beside it', async () => {
    const port = await freePort();
    using box = await rootsQueue(port);
    // As docs/sendmail.md has it.
    spawnSync('chgrp', ['-R', String(NOBODY), box.data]);
    chmodSync(box.data, 0o2770);
    chmodSync(join(box.data, 'posthaste.db'), 0o660);
    const ran = await asNobody(box, ['a@example.com'], 'Subject: x\n\n');
    expect(ran).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await box.kept()).map(({ message }) => message.metadata.user)).toEqual([expect.any(String), 'nobody']);
    expect(statSync(join(box.data, 'posthaste.db')).mode & 0o777).toBe(0o660);
  });

  test('has no queue of his own made by accident: nobody would work on it', async () => {
    const port = await freePort();
    using box = new Sandbox({ POSTHASTE_LISTEN: `127.0.0.1:${port}` });
    const home = join(box.path, 'home');
    mkdirSync(home, { mode: 0o777 });
    chmodSync(home, 0o777);
    chmodSync(box.path, 0o755);
    const ran = await asNobody(box, ['a@example.com'], 'Subject: x\n\n', { HOME: home, POSTHASTE_DATA_DIR: '' });
    expect(ran.code).toBe(75);
    expect(ran.stderr).toContain(`nobody finds no queue at ${home}/.local/state/posthaste/posthaste.db`);
  });

  test('who may not read the settings uses the server, and never guesses where the queue is', async () => {
    const port = await freePort();
    using box = await rootsQueue(port);
    const config = join(box.path, 'posthaste.config.json');
    writeFileSync(config, '{}', { mode: 0o600 });
    const ran = await asNobody(box, ['a@example.com'], 'Subject: x\n\n', { POSTHASTE_CONFIG: config });
    expect(ran.code).toBe(75);
    expect(ran.stderr).toContain(`nobody may not read ${config}, and no server answers at 127.0.0.1:${port}`);
  });
});
