/** A socket that somebody else holds, as systemd does: mail waits at it while posthaste is being restarted. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { BIN, cleanEnvironment, Server, temporaryFolder } from '../support/posthaste.ts';
import { installed } from '../support/smtp-sink.ts';

const PYTHON = '/usr/bin/python3';

/** Listens, and runs a program with the socket as descriptor 3 for each line that it reads. */
const HOLDER = `
import os, socket, subprocess, sys
unix = sys.argv[1].startswith('/')
held = socket.socket(socket.AF_UNIX) if unix else socket.socket()
held.bind(sys.argv[1] if unix else (sys.argv[1], 0))
held.listen(16)
os.dup2(held.fileno(), 3, inheritable=True)
print('{"msg":"holding","port":%d}' % (0 if unix else held.getsockname()[1]), flush=True)
for line in sys.stdin:
    run = ['sh', '-c', 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"', 'sh'] + sys.argv[2:]
    code = subprocess.run(run, stdin=subprocess.DEVNULL, pass_fds=[3]).returncode
    print('{"msg":"ended","code":%d}' % code, flush=True)
`;

const DIALOG = [
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
].join('\r\n');

let holder: ChildProcess | undefined;
afterEach(() => holder?.kill('SIGKILL'));

function held(folder: string, address: string): Server {
  const serve = ['serve', '--data-dir', folder, '--admin', 'off', '--log-format', 'json', '--listen', '127.0.0.1:1'];
  holder = spawn(PYTHON, ['-c', HOLDER, address, process.execPath, BIN, ...serve], {
    cwd: folder,
    env: cleanEnvironment(),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  return new Server(holder);
}

/** Begins now; resolves with all that was answered. */
async function dialog(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  const answers = socket.setEncoding('latin1').toArray();
  await once(socket, 'connect');
  socket.write(DIALOG);
  return (await answers).join('');
}

describe.skipIf(!installed(PYTHON))('a socket of somebody else', () => {
  test('is listened on in place of the setting, and keeps clients waiting over a restart', async () => {
    using folder = temporaryFolder();
    const log = held(folder.path, '127.0.0.1');
    const { port } = await log.line(({ msg }) => msg === 'holding');
    holder?.stdin?.write('\n');
    const ready = await log.line(({ msg }) => msg === 'ready');
    expect(ready.listen).toEqual([`127.0.0.1:${port}`]);
    expect(await dialog(Number(port))).toMatch(/250 2\.0\.0 queued as /);
    process.kill(Number(ready.pid), 'SIGTERM');
    expect(await log.line(({ msg }) => msg === 'ended')).toMatchObject({ code: 0 });
    const waiting = dialog(Number(port));
    holder?.stdin?.write('\n');
    expect(await waiting).toMatch(/250 2\.0\.0 queued as /);
    const [, again] = await log.atLeast(2, ({ msg }) => msg === 'ready');
    process.kill(Number(again?.pid), 'SIGTERM');
    await log.atLeast(2, ({ msg }) => msg === 'ended');
  });

  test('that is a unix socket is refused as what it is', async () => {
    using folder = temporaryFolder();
    const log = held(folder.path, `${folder.path}/smtp.sock`);
    holder?.stdin?.write('\n');
    expect(await log.line(({ msg }) => msg === 'ended')).toMatchObject({ code: 78 });
    expect(log.output.join('\n')).toContain('The inherited descriptor 3 is a unix socket: mail is taken over TCP');
  });

  test('that other machines can reach is refused like such a setting', async () => {
    using folder = temporaryFolder();
    const log = held(folder.path, '0.0.0.0');
    holder?.stdin?.write('\n');
    expect(await log.line(({ msg }) => msg === 'ended')).toMatchObject({ code: 78 });
    expect(log.output.join('\n')).toContain('0.0.0.0 can be reached from other machines');
  });
});
