/** Processes that only deliver: they stay while there is nothing to do. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import { submitOne } from '../support/load.ts';
import { posthaste, type Server, serve, started, temporaryFolder, work } from '../support/posthaste.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TO = ['--from', 'a@example.com', '--to', 'b@example.org', '--text', 'x'];

/** Each message is submitted by another process, while this one has been idle for as long as that takes to start. */
async function deliversAgainAndAgain(server: Server, relay: ScriptedRelay, dataDir: string): Promise<void> {
  for (let count = 1; count <= 3; count++) {
    expect((await posthaste(dataDir, 'send', ...TO)).code).toBe(0);
    await server.atLeast(count, (line) => line.msg === 'sent');
  }
  expect(relay.received).toHaveLength(3);
}

test('posthaste work delivers what others submit, until it is told to stop', async () => {
  using data = temporaryFolder();
  const relay = await startRelay();
  const server = work({ dataDir: data.path, relay: `smtp://127.0.0.1:${relay.port}` });
  await server.line((line) => line.msg === 'ready');
  await deliversAgainAndAgain(server, relay, data.path);
  expect(await server.stop()).toBe(0);
  expect(server.lines.at(-1)?.msg).toBe('stopped');
  await relay.close();
});

test('an application that works on its queue does so until it closes it', async () => {
  using data = temporaryFolder();
  const relay = await startRelay();
  mkdirSync(join(data.path, 'node_modules'));
  symlinkSync(ROOT, join(data.path, 'node_modules', 'posthaste'), 'dir');
  const file = join(data.path, 'app.mjs');
  writeFileSync(
    file,
    `import { openQueue } from 'posthaste';
    const say = (fields, msg) => console.log(JSON.stringify({ ...fields, msg }));
    const log = { debug() {}, info: say, warn: say, error: say };
    const queue = await openQueue({ dataDir: '.', relay: 'smtp://127.0.0.1:${relay.port}', log });
    await queue.work();
    say({}, 'working');
    process.once('SIGTERM', async () => { await queue.close(); say({}, 'closed'); });`,
  );
  const server = started([file], { dataDir: data.path });
  await server.line((line) => line.msg === 'working');
  await deliversAgainAndAgain(server, relay, data.path);
  expect(await server.stop()).toBe(0);
  expect(server.lines.at(-1)?.msg).toBe('closed');
  await relay.close();
});

test('a server with deliver: no takes mail and sends none, says that nobody does, and a worker beside it sends it', async () => {
  using data = temporaryFolder();
  const relay = await startRelay();
  const url = `smtp://127.0.0.1:${relay.port}`;
  const server = serve({ dataDir: data.path, relay: url, flags: ['--deliver', 'no'] });
  const { port } = await server.ready();
  expect(await submitOne(port, ['b@example.org'], 'Subject: x\r\n\r\nhello')).toMatch(/^250 /);
  const { code, stdout } = await posthaste(data.path, 'status');
  expect(code).not.toBe(0);
  expect(stdout).toMatch(/no worker has been seen, and 1 delivery waits/);
  expect(stdout).toMatch(/^listener {3}\S+ pid \d+ \(serve, delivers nothing\)/m);
  expect(relay.connections).toHaveLength(0);
  const worker = work({ dataDir: data.path, relay: url });
  await relay.until(() => relay.received.length === 1);
  expect(await worker.stop()).toBe(0);
  expect(await server.stop()).toBe(0);
  const after = await posthaste(data.path, 'status', '--json');
  expect(JSON.parse(after.stdout).nodes ?? []).toEqual([]);
  await relay.close();
});
