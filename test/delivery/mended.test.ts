/** Mail that was tried while its relay was at fault goes out with the rest: when the relay is mended, or by another relay. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { SmtpTransport } from '../../src/transport/smtp/smtp.ts';
import type { Script } from '../relay/actions.ts';
import { startRelay } from '../relay/scripted.ts';
import { Stage } from '../support/delivery.ts';

const HOUR = 3_600_000;

const FAULTS: readonly [string, Script][] = [
  ['421 to MAIL', { mail: '421 4.3.2 shutting down' }],
  ['421 to RCPT', { rcpt: '421 4.3.2 shutting down' }],
  ['a greeting of 554', { connect: '554 5.3.2 not now' }],
  ['a demand for a login', { mail: '530 5.7.0 authentication required' }],
];

/** Until the pauses between probes are long. */
async function failFor(stage: Stage, probes: number): Promise<void> {
  await stage.once();
  for (let i = 1; i < probes; i++) {
    await stage.nextProbe();
    await stage.once();
  }
}

test.each(FAULTS)('after %s, resume sends at once what was tried', async (_, script) => {
  await using stage = await Stage.open({ relay: { script } });
  const ids = [await stage.submit(), await stage.submit()];
  await failFor(stage, 10);
  stage.relay.script = {};
  await stage.queue.resumeRelay('default');
  await stage.once();
  for (const id of ids) expect((await stage.get(id)).deliveries[0]).toMatchObject({ state: 'sent', attempts: 1 });
});

test('resume wakes neither mail that waits for its own next attempt nor mail that is to be sent later', async () => {
  const script: Script = { rcpt: (command) => (command.includes('<later@') ? '450 4.2.0 busy' : '421 4.3.2 bye') };
  await using stage = await Stage.open({ relay: { script } });
  const later = await stage.submit({ recipients: ['later@example.com'] });
  await stage.once();
  const timed = await stage.submit({ sendAt: stage.clock.now() + HOUR });
  await stage.submit();
  await stage.once();
  stage.relay.script = {};
  await stage.queue.resumeRelay('default');
  await stage.once();
  expect(stage.relay.received).toHaveLength(1);
  for (const id of [later, timed]) expect((await stage.get(id)).deliveries[0]?.state).toBe('queued');
});

test('mail that was tried is sent as soon as another message has found the relay well', async () => {
  const script: Script = { mail: '421 4.3.2 shutting down' };
  await using stage = await Stage.open({ relay: { script } });
  const ids = [await stage.submit(), await stage.submit()];
  await failFor(stage, 9);
  stage.relay.script = {};
  await stage.nextProbe();
  await stage.once();
  for (const id of ids) expect((await stage.get(id)).deliveries[0]?.state).toBe('sent');
});

test('while the relay is paused for its fault, the log names the time of its probe as the next attempt', async () => {
  await using stage = await Stage.open({ relay: { script: { mail: '421 4.3.2 shutting down' } } });
  await stage.submit();
  await failFor(stage, 5);
  const deferred = stage.log.events.filter(({ event }) => event === 'deferred').at(-1);
  const [state] = await stage.store.relays();
  expect(Date.parse(String(deferred?.fields.nextAttempt))).toBe(state?.probeAt);
  expect(state?.probeAt).toBeGreaterThan(stage.clock.now());
});

test.each([
  ['before any transaction leaves the rate of the relay', { connect: ['421 4.3.2 busy'] }, 20],
  ['during one leaves the rate of the relay but for what was tried', { mail: ['421 4.3.2 busy'] }, 17],
])('a fault %s', async (_, script, rest) => {
  const rates = [{ limit: 20, window: 3_600_000 }];
  await using stage = await Stage.open({ relay: { script }, smtp: { maxConnections: 1 }, rates });
  for (let n = 0; n < 20; n++) await stage.submit();
  await stage.once();
  await stage.nextProbe();
  await stage.once();
  expect(await stage.store.count({ states: ['sent'] })).toBeGreaterThanOrEqual(rest);
});

test('a fallback relay sends the message that was tried too, also after many probes', async () => {
  await using stage = await Stage.open({ relay: { script: { mail: '421 4.3.2 shutting down' } } });
  const other = await startRelay();
  onTestFinished(() => other.close());
  const oldest = await stage.submit();
  await failFor(stage, 8);
  const standIns = [{ relay: 'default', after: 1_000, behind: [] }];
  const transport = new SmtpTransport({ host: '127.0.0.1', port: other.port }, { clock: stage.clock });
  const backup = stage.newWorker({ ...stage.relayParts(), name: 'backup', transport, standIns });
  await backup.once();
  await backup.stop();
  expect((await stage.get(oldest)).deliveries[0]?.state).toBe('sent');
  expect(other.received).toHaveLength(1);
});

test('a fallback relay that had a fault itself, and has no mail of its own, is probed and takes over when it is well', async () => {
  await using stage = await Stage.open({ relay: { script: { connect: '554 5.3.2 down' } } });
  const other = await startRelay({ script: { connect: ['554 5.3.2 down too'] } });
  onTestFinished(() => other.close());
  const ids = [await stage.submit(), await stage.submit()];
  await failFor(stage, 3);
  const standIns = [{ relay: 'default', after: 1_000, behind: [] }];
  const takeOver = async (): Promise<void> => {
    const transport = new SmtpTransport({ host: '127.0.0.1', port: other.port }, { clock: stage.clock });
    const backup = stage.newWorker({ ...stage.relayParts(), name: 'backup', transport, standIns });
    await backup.once();
    await backup.stop();
  };
  await takeOver();
  expect((await stage.store.relays()).map(({ relay, faults }) => [relay, faults > 0])).toEqual([
    ['backup', true],
    ['default', true],
  ]);
  stage.clock.moveTo(stage.clock.now() + 1_000);
  await takeOver();
  for (const id of ids) expect((await stage.get(id)).deliveries[0]).toMatchObject({ state: 'sent', attempts: 1 });
  expect(other.connections).toHaveLength(2);
});

test('what a crashed process claimed by a commit that came after its end is freed by the next round, not by its lease', async () => {
  await using stage = await Stage.open();
  const id = await stage.submit();
  // It had the number that this process has now, before this process began.
  const crashed = { ...stage.node(), startedAt: stage.clock.now() - 60_000 };
  await stage.store.heartbeat(crashed);
  const janitor = stage.janitor();
  await janitor.round();
  expect(await stage.store.nodes(0)).not.toContainEqual(expect.objectContaining({ id: crashed.id }));
  // A database server carries out what it was asked for, though nobody waits for the answer any more.
  const now = stage.clock.now();
  const late = { relay: 'default', limit: 1, now, until: now + 60_000, holder: crashed.id };
  expect((await stage.store.claim(late)).claims).toHaveLength(1);
  await janitor.round();
  expect((await stage.get(id)).deliveries[0]?.state).toBe('queued');
});

test('what another queue of the same process has claimed is its own until its lease ends', async () => {
  await using stage = await Stage.open();
  const id = await stage.submit();
  const neighbour = stage.node();
  await stage.store.heartbeat(neighbour);
  const now = stage.clock.now();
  const claim = { relay: 'default', limit: 1, now, until: now + 60_000, holder: neighbour.id };
  expect((await stage.store.claim(claim)).claims).toHaveLength(1);
  await stage.janitor().round();
  expect((await stage.get(id)).deliveries[0]?.state).toBe('sending');
  expect(await stage.store.nodes(0)).toContainEqual(expect.objectContaining({ id: neighbour.id }));
});

test('however much is to be given up, a process starts, shows that it lives, and stops', async () => {
  await using stage = await Stage.open();
  const { promise: gate, resolve: letGo } = Promise.withResolvers<void>();
  const claimExpired = stage.store.claimExpired.bind(stage.store);
  const expiring = vi.spyOn(stage.store, 'claimExpired').mockImplementation(async (request) => {
    await gate;
    return claimExpired(request);
  });
  await Promise.all(Array.from({ length: 150 }, () => stage.submit({ expiresAt: stage.clock.now() + 1 })));
  stage.clock.moveTo(stage.clock.now() + 1);
  const janitor = stage.janitor();
  await janitor.start();
  expect(expiring).toHaveBeenCalledOnce();
  const seenAt = async () => (await stage.store.nodes(0))[0]?.seenAt;
  const before = await seenAt();
  stage.clock.moveTo(stage.clock.now() + 10_000);
  while ((await seenAt()) === before) await turn();
  const stopped = janitor.stop();
  letGo();
  await stopped;
  // What was claimed is ended, and no more.
  expect(expiring).toHaveBeenCalledOnce();
  expect((await stage.store.counts(stage.clock.now())).states).toMatchObject({ bounced: 100, sending: 0 });
});
