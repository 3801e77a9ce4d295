/** `posthaste check` before anything is there, and with many logins. */
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startRelay } from '../relay/scripted.ts';
import { posthaste, serve, temporaryFolder } from '../support/posthaste.ts';
import { freePort } from '../support/smtp-sink.ts';
import { Folder } from './command.ts';

test('the disk on which the database will be, also before its folder is there', async () => {
  using folder = new Folder();
  const flags = ['--data-dir', join(folder.path, 'not/there/yet'), '--min-free-space', '9000000GB'];
  const { code, stdout } = await folder.run(['check', ...flags]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^FAIL {2}disk +.+ are free for the database; .*make room on that disk/m);
});

test('a link that leads nowhere fails check, and no other disk is measured in its place', async () => {
  using folder = new Folder();
  const link = join(folder.path, 'volume');
  symlinkSync('/nonexistent/vol', link);
  const words = `the symbolic link ${link} leads to /nonexistent/vol, which is not there`;
  const { code, stdout } = await folder.run(['check', '--data-dir', join(link, 'mail')]);
  expect(code).toBe(1);
  expect(stdout).toContain(`${words}; mount the volume that is to be there, or set another dataDir\n`);
  expect(stdout).toMatch(/^FAIL {2}database +sqlite:.* cannot be made: the symbolic link /m);
  expect(stdout).toMatch(/^FAIL {2}disk +the symbolic link /m);
  for (const command of ['serve', 'status']) {
    const failed = await folder.run([command, '--data-dir', join(link, 'mail')]);
    expect(failed.code).not.toBe(0);
    expect(failed.stderr).toContain(words);
  }
});

test('every login of a relay, by name where it is refused', async () => {
  using folder = new Folder();
  const login = { user: 'main', password: 'right', mechanisms: ['PLAIN'], others: { shop: 'right' } };
  const relay = await startRelay({ login });
  onTestFinished(() => relay.close());
  const logins = {
    'ann@example.com': { user: 'ann', password: 'wrong' },
    '@shop.example': { user: 'shop', password: 'right' },
  };
  const ses = { url: `smtp://main:right@127.0.0.1:${relay.port}`, logins };
  const gone = { url: `smtp://main:right@127.0.0.1:${await freePort()}`, logins };
  writeFileSync(join(folder.path, 'posthaste.config.json'), JSON.stringify({ relays: { ses, gone } }));
  const { code, stdout } = await folder.run(['check']);
  expect(code).toBe(1);
  const said = stdout.split('\n').filter((line) => / relay (?:ses|gone)/.test(line));
  expect(said).toEqual([
    expect.stringMatching(/^ok {4}relay ses +127.* logged in with PLAIN$/),
    expect.stringMatching(/^FAIL {2}relay ses as ann@example.com +127.*: 535 /),
    expect.stringMatching(/^ok {4}relay ses as @shop.example +127.* logged in with PLAIN$/),
    expect.stringMatching(/^FAIL {2}relay gone +127.* 4\.4\.1 /),
    expect.stringMatching(/^FAIL {2}relay gone as ann@example.com +was not tried: the relay does not answer$/),
    expect.stringMatching(/^FAIL {2}relay gone as @shop.example +was not tried/),
  ]);
  expect(relay.connections.map(({ user }) => user)).toEqual(['main', null, 'shop']);
});

test('a server that runs with a relay of its command line, which the settings here do not name', async () => {
  using data = temporaryFolder();
  const server = serve({ dataDir: data.path, relay: 'smtp://127.0.0.1:1' });
  try {
    await server.ready();
    const which = `pid ${server.pid} on .* \\(serve\\) runs on this queue and has a relay, which these settings do not name: it was started with other settings`;
    expect((await posthaste(data.path, 'check')).stdout).toMatch(new RegExp(`^warn {2}server +${which}`, 'm'));
    expect((await posthaste(data.path, 'config')).stdout).toMatch(new RegExp(`^note: ${which}`, 'm'));
    const same = await posthaste(data.path, 'config', '--relay', 'smtp://127.0.0.1:1');
    expect(same.stdout).not.toContain('note:');
  } finally {
    await server.stop();
  }
  expect((await posthaste(data.path, 'config')).stdout).not.toContain('note:');
});

test('a server that captures is no surprise to settings without a relay, and is one to those with', async () => {
  using data = temporaryFolder();
  const server = serve({ dataDir: data.path });
  try {
    await server.ready();
    expect((await posthaste(data.path, 'config')).stdout).not.toContain('note:');
    const named = await posthaste(data.path, 'config', '--relay', 'smtp://127.0.0.1:1');
    expect(named.stdout).toMatch(
      new RegExp(`^note: pid ${server.pid} .* has no relay, though these settings name one`, 'm'),
    );
  } finally {
    await server.stop();
  }
});
