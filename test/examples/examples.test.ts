/** Every command example of README and docs, run as a reader would run it, in the order of the pages. */
import { spawn } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { openSigner } from '../../src/submission/dkim.ts';
import { BIN, cleanEnvironment, type Ran, run, Server, temporaryFolder } from '../support/posthaste.ts';
import { installed, SmtpSink } from '../support/smtp-sink.ts';
import { readExamples } from './pages.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
// Those of the library are programs, not commands: page.test.ts of test/library, test/testing and test/transactions runs them.
const PROGRAMS = ['docs/library.md', 'docs/testing.md', 'docs/transactions.md'];
const examples = readExamples().filter(({ page }) => !PROGRAMS.includes(page));
const folder = temporaryFolder();
const data = join(folder.path, 'data');
const bin = join(folder.path, 'bin');

/** What an example runs in: a queue of its own, and `posthaste` as if it were installed. */
const environment = {
  POSTHASTE_DATA_DIR: data,
  POSTHASTE_LISTEN: '127.0.0.1:0',
  POSTHASTE_ADMIN: 'off',
  POSTHASTE_LOG_FORMAT: 'json',
  PATH: [bin, ...(process.env.PATH ?? '').split(delimiter)].join(delimiter),
};
mkdirSync(bin);
writeFileSync(join(bin, 'posthaste'), `#!/bin/sh\nexec "${process.execPath}" "${BIN}" "$@"\n`);
chmodSync(join(bin, 'posthaste'), 0o755);

function textOf(name: string): string {
  const found = examples.find((example) => example.name === name);
  if (found === undefined) throw new Error(`no page has an example ${name}`);
  return found.text;
}

function shell(text: string): Promise<Ran> {
  return run('sh', ['-ec', text], { cwd: ROOT, environment });
}

/** Leaders of the process groups that were started here. */
const groups = new Set<number>();

/** Starts an example that goes on until it is stopped. `exec`: the shell steps aside, and signals reach the program. */
function startExample(text: string): Server {
  const child = spawn('sh', ['-ec', `exec ${text}`], {
    cwd: ROOT,
    env: cleanEnvironment(environment),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const group = child.pid as number;
  groups.add(group);
  child.once('close', () => groups.delete(group));
  return new Server(child);
}

async function listed(): Promise<{ id: string; recipient: string; state: string }[]> {
  const { stdout } = await shell(textOf('list-json'));
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

afterAll(() => {
  for (const group of groups) process.kill(-group, 'SIGKILL');
  folder[Symbol.dispose]();
});

async function withServer(text: string, work: (port: number, server: Server) => Promise<void>): Promise<void> {
  const server = startExample(text);
  const { port } = await server.ready();
  await work(port, server);
  expect(await server.stop()).toBe(0);
}

/** The tests below, by the names of the examples they run. */
const tested = [
  'start',
  'curl',
  'swaks',
  'list',
  'list-json',
  'check',
  'relay',
  'dkim',
  'suppress',
  'sendmail',
  'sendmail-link',
  'qshape',
];

describe('examples', () => {
  test('are all run, and none is missing', () => {
    expect(examples.map(({ name }) => name).toSorted()).toEqual(tested.toSorted());
  });

  const clients = ['curl', 'swaks'].filter((name) => installed(name));

  test('npm start takes mail from the clients that the README names, captures it, and ends when it is told', async () => {
    await withServer(textOf('start'), async (port, server) => {
      for (const name of clients) {
        const ran = await shell(textOf(name).replace('127.0.0.1:2525', `127.0.0.1:${port}`));
        expect(ran.code, ran.stdout + ran.stderr).toBe(0);
      }
      await server.atLeast(clients.length, (line) => line.msg === 'captured');
    });
  });

  test.skipIf(!clients.includes('curl'))('list and show find what was sent', async () => {
    const found = await listed();
    expect(found).toHaveLength(clients.length);
    expect(found).toEqual(
      found.map((one) => expect.objectContaining({ ...one, recipient: 'bob@example.com', state: 'captured' })),
    );
    const first = found.at(-1)?.id ?? '';
    const ran = await shell(textOf('list').replace('ID', first));
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.stdout).toContain('bob@example.com');
    expect(ran.stdout).toContain('First light.');
  });

  test.skipIf(!installed('openssl', 'version'))('a DKIM key and its record belong together, and sign', async () => {
    const ran = await run('sh', ['-ec', textOf('dkim')], { cwd: folder.path });
    expect(ran.code, ran.stderr).toBe(0);
    const file = join(folder.path, 'example.org.pem');
    const der = createPublicKey(readFileSync(file)).export({ type: 'spki', format: 'der' });
    expect(ran.stdout).toBe(`v=DKIM1; k=rsa; p=${der.toString('base64')}\n`);
    const signer = openSigner([{ domain: 'example.org', selector: 's1', key: { file } }]);
    expect(signer?.signatureFor('mail.example.org')?.domain).toBe('example.org');
  });

  test('suppressions are added, exported, imported and removed', async () => {
    const ran = await run('sh', ['-ec', textOf('suppress')], { cwd: folder.path, environment });
    expect([ran.code, ran.stderr]).toEqual([0, '']);
    expect(ran.stdout).toMatch(/^bob@example\.com .* complaint +called on Monday$/m);
    expect(ran.stdout.split('\n').slice(-4)).toEqual([
      '2 entries would be imported',
      '2 entries imported',
      '1 entry removed',
      '',
    ]);
  });

  test('config and check say that all is well', async () => {
    const ran = await shell(textOf('check'));
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
    expect(ran.stdout).toContain(data);
  });

  test.skipIf(!clients.includes('curl') || !installed('smtp-sink', '-h'))('with a relay, mail goes there', async () => {
    const sink = await SmtpSink.start(folder.path, 1);
    const relay = 'smtp://user:password@smtp.example.com:587';
    expect(textOf('relay')).toContain(relay);
    try {
      await withServer(textOf('relay').replace(relay, sink.url), async (port) => {
        await shell(textOf('curl').replace('127.0.0.1:2525', `127.0.0.1:${port}`));
        expect((await sink.messages())[0]).toContain('First light.');
      });
    } finally {
      await sink.stop();
    }
  });

  test('sendmail takes a message, also by its name, and mailq and qshape show it', async () => {
    const own = { ...environment, POSTHASTE_DATA_DIR: join(folder.path, 'sendmail') };
    const shell = (text: string): Promise<Ran> => run('sh', ['-ec', text], { cwd: ROOT, environment: own });
    const ran = await shell(textOf('sendmail'));
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.stdout).toMatch(/bob@example\.com\n\n-- 0 Kbytes in 1 Request\.\n$/);
    const linked = textOf('sendmail-link').replaceAll(/\/usr\/local\/s?bin/g, bin);
    // The program itself, in place of the script above that starts it with our Node.js.
    const installed = `command() { echo ${BIN}; }\n`;
    const byName = await shell(
      `${installed}${linked}\n${textOf('sendmail').replace('posthaste sendmail', 'sendmail').replace('posthaste mailq', 'mailq')}`,
    );
    expect(byName.code, byName.stderr).toBe(0);
    expect(byName.stdout).toContain('in 2 Requests.\n');
    const shape = await shell(textOf('qshape'));
    expect(shape.code, shape.stderr).toBe(0);
    expect(shape.stdout).toMatch(/TOTAL +2 +2 /);
  });
});
