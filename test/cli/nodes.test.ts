import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newNode } from '../../src/app/delivery.ts';
import { openStore } from '../../src/store/open.ts';
import { sample } from '../store/conformance/samples.ts';
import { serve } from '../support/posthaste.ts';
import { Folder } from './command.ts';

const MINUTE = 60_000;

test('nodes tells who works here, since when, and what each holds', async () => {
  using folder = new Folder();
  mkdirSync(join(folder.path, 'posthaste'), { recursive: true });
  const store = await openStore(join(folder.path, 'posthaste', 'posthaste.db'));
  const now = Date.now();
  const busy = {
    ...newNode('serve'),
    host: 'mail1',
    place: 'mail1',
    pid: 77,
    startedAt: now - 90 * MINUTE,
    seenAt: now,
  };
  const lost = {
    ...newNode('work'),
    host: 'mail2',
    place: 'mail2',
    pid: 78,
    startedAt: now - 60 * MINUTE,
    seenAt: now - 25 * MINUTE,
  };
  const share = { relay: 'ses', limit: 4, held: 0, used: 0, succeeded: false, until: now + MINUTE };
  await store.insert(
    [sample({ to: ['a@example.com', 'b@example.com'].map((recipient) => ({ recipient, dueAt: now })) })],
    now,
  );
  await store.claim({ relay: 'default', limit: 9, now: Date.now(), until: now + MINUTE, holder: busy.id });
  await store.heartbeat(busy, [share]);
  await store.heartbeat(lost);
  await store.close();
  const rows = (await folder.out('nodes')).split('\n').map((line) => line.split(/ {2,}/).join('|'));
  expect(rows).toEqual([
    'HOST|PID|ROLE|SINCE|SEEN|HOLDS',
    expect.stringMatching(/^mail1\|77\|serve\|1h 30m\|\S+( ago)?\|default 2 sending; ses 4 connections$/),
    expect.stringMatching(/^mail2\|78\|work\|1h\|25m ago, gone\|-$/),
  ]);
  expect(await folder.json('nodes')).toMatchObject([
    { id: busy.id, host: 'mail1', pid: 77, role: 'serve', startedAt: busy.startedAt, seenAt: now, alive: true },
    { alive: false, holds: [] },
  ]);
});

test('nodes shows a server that runs, and nobody when it has stopped', async () => {
  using folder = new Folder();
  const dataDir = join(folder.path, 'posthaste');
  mkdirSync(dataDir, { recursive: true });
  const server = serve({ dataDir });
  await server.ready();
  expect(await folder.json('nodes')).toMatchObject([{ pid: server.pid, role: 'serve', alive: true }]);
  const to = `sqlite:${folder.path}/new.db`;
  const refused = await folder.run(['copy', '--to', to]);
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`process ${server.pid}. Stop all of them`),
  });
  await server.stop();
  expect(await folder.say('nodes')).toBe('nobody works on this queue');
  expect(await folder.out('copy', '--to', to)).toMatch(/^copied and verified 0 messages, 0 deliveries, /);
});

test('a server that was killed is gone at once for nodes and status, and its mail waits for nobody', async () => {
  using folder = new Folder();
  const dataDir = join(folder.path, 'posthaste');
  mkdirSync(dataDir, { recursive: true });
  const server = serve({ dataDir });
  await server.ready();
  expect(await folder.say('status')).toMatch(/^worker .* pid \d+ \(serve\): runs for /m);
  await server.kill();
  expect(await folder.json('nodes')).toMatchObject([{ pid: server.pid, alive: false }]);
  expect(await folder.say('nodes')).toMatch(/, gone +-$/);
  const warned = await folder.run(['status']);
  expect(warned).toMatchObject({ code: 1, stdout: expect.stringContaining(`as pid ${server.pid} on `) });
  expect(warned.stdout).toMatch(/^WARNING: no worker runs, as pid \d+ on .+ is gone: new mail will wait\n/);
  expect(warned.stdout).toMatch(/^worker .* pid \d+ \(serve\): gone, last seen /m);
  const id = await folder.send('bob@example.com');
  expect(await folder.say('show', id)).toMatch(/No worker runs, as pid \d+ on .+ is gone: start posthaste serve or/);
  const critical = await folder.run(['status', '--json']);
  expect(critical.code).toBe(2);
  expect(JSON.parse(critical.stdout)).toMatchObject({ level: 'critical', nodes: [{ pid: server.pid, gone: true }] });
});

test('a run of work --once counts as a worker after its end', async () => {
  using folder = new Folder();
  await folder.out('work', '--once');
  expect(await folder.json('nodes')).toMatchObject([{ role: 'work --once', alive: true }]);
  expect((await folder.run(['status'])).code).toBe(0);
});
