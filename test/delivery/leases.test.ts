/** What a worker has claimed and not yet begun, while its leases are renewed. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import type { Outcome } from '../../src/mail/outcome.ts';
import type { Claim } from '../../src/queue/store.ts';
import { newId } from '../../src/runtime/id.ts';
import type { Transport } from '../../src/transport/transport.ts';
import { silence } from '../relay/actions.ts';
import { GRACE, Stage } from '../support/delivery.ts';
import { transportBehind } from '../support/gated-transport.ts';

const LEASE = 3_000;

/** One at a time, and each takes until it is let go. */
function patient(): { readonly transport: Transport; readonly begun: Promise<void>; letGo(): void } {
  const { promise: gate, resolve: letGo } = Promise.withResolvers<void>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const transport = transportBehind(gate, begin);
  return { transport, begun, letGo };
}

test('what is claimed while leases are being renewed is sent all the same', async () => {
  const { transport, begun, letGo } = patient();
  await using stage = await Stage.open({ transport, lease: LEASE });
  await stage.submit();
  await stage.work();
  await begun;
  // They are due at the moment at which the lease of the first one is renewed.
  const sendAt = stage.clock.now() + LEASE / 3;
  const ids = await Promise.all(['one', 'two'].map((subject) => stage.submit({ subject, sendAt })));
  stage.clock.moveTo(sendAt);
  while ((await stage.store.counts(sendAt)).states.sending < 3) await turn();
  // Rides in the same transaction as the renewal, or in a later one.
  await stage.store.forgetNode(newId(sendAt));
  await turn();
  letGo();
  await stage.log.until('sent', 3);
  const found = await Promise.all(ids.map((id) => stage.get(id)));
  expect(found.flatMap(({ deliveries }) => deliveries.map(({ state, attempts }) => [state, attempts]))).toEqual([
    ['sent', 1],
    ['sent', 1],
  ]);
});

test('who has lost the store begins nothing after the end of its leases: others may have sent it', async () => {
  const { transport, begun, letGo } = patient();
  const send = vi.spyOn(transport, 'send');
  await using stage = await Stage.open({ transport, lease: LEASE });
  await Promise.all(['one', 'two'].map((subject) => stage.submit({ subject })));
  await stage.work();
  await begun;
  await stage.store.close();
  stage.clock.moveTo(stage.clock.now() + LEASE);
  letGo();
  await stage.log.until('the end of an attempt could not be written');
  await stage.log.until('leases ran out before attempts began');
  expect(send).toHaveBeenCalledTimes(1);
});

test('what was claimed before the database was away is begun only where it still knows of the claim', async () => {
  const { transport, begun, letGo } = patient();
  const send = vi.spyOn(transport, 'send');
  await using stage = await Stage.open({ transport, lease: LEASE });
  let losses = 0;
  Object.assign(stage.store, { losses: () => losses });
  const claim = vi.spyOn(stage.store, 'claim');
  const ids = await Promise.all(['one', 'two', 'three'].map((subject) => stage.submit({ subject })));
  await stage.work();
  await begun;
  const claims: readonly Claim[] = claim.mock.settledResults[0]?.value.claims ?? [];
  // As after a crash of the server, which undoes claims that were not on disk.
  await stage.store.release(
    claims.slice(1).map(({ token }) => token),
    stage.clock.now(),
  );
  losses++;
  letGo();
  await stage.log.until('sent', 3);
  expect(send).toHaveBeenCalledTimes(3);
  const found = await Promise.all(ids.map((id) => stage.get(id)));
  expect(found.flatMap(({ deliveries }) => deliveries.map(({ state, attempts }) => [state, attempts]))).toEqual(
    Array(3).fill(['sent', 1]),
  );
});

test('a stop waits for what is under way, and gives back the rest, also where the store cannot be asked at first', async () => {
  const { transport, begun, letGo } = patient();
  const close = vi.spyOn(transport, 'close');
  await using stage = await Stage.open({ transport, lease: LEASE });
  await Promise.all(['one', 'two'].map((subject) => stage.submit({ subject })));
  const worker = await stage.work();
  await begun;
  vi.spyOn(stage.store, 'release').mockRejectedValueOnce(new Error('the server restarts'));
  const stopped = worker.stop();
  await stage.log.until('claims could not be given back');
  letGo();
  await stopped;
  expect(close).toHaveBeenCalledOnce();
  expect((await stage.store.counts(stage.clock.now())).states).toMatchObject({ sending: 0, queued: 1, sent: 1 });
});

test('what could not be given back is given back with the next renewal, and says nothing of the attempt before', async () => {
  const reply = { code: 421, text: 'shutting down' };
  const transport: Transport = {
    concurrency: 1,
    send: async ({ recipients }) =>
      recipients.map((): Outcome => ({ kind: 'deferred', scope: 'relay', during: 'own', inDoubt: false, reply })),
    close: () => Promise.resolve(),
  };
  await using stage = await Stage.open({ transport, lease: LEASE });
  const ids = await Promise.all(['one', 'two'].map((subject) => stage.submit({ subject })));
  vi.spyOn(stage.store, 'release').mockRejectedValueOnce(new Error('the server restarts'));
  await stage.work();
  await stage.log.until('claims could not be given back');
  expect(stage.log.count('the end of an attempt could not be written')).toBe(0);
  stage.clock.moveTo(stage.clock.now() + LEASE / 3);
  while ((await stage.store.counts(stage.clock.now())).states.sending > 0) await turn();
  const found = await Promise.all(ids.map((id) => stage.get(id)));
  expect(found.flatMap(({ deliveries }) => deliveries.map(({ inDoubt, attempts }) => [inDoubt, attempts]))).toEqual([
    [false, 0],
    [false, 0],
  ]);
});

test('a claim that came late is renewed before it is begun, so that nobody else takes it meanwhile', async () => {
  const { transport, begun, letGo } = patient();
  await using stage = await Stage.open({ transport, lease: LEASE });
  const id = await stage.submit();
  const { promise: gate, resolve: answer } = Promise.withResolvers<void>();
  const { promise: claimed, resolve: tellClaimed } = Promise.withResolvers<void>();
  const claim = stage.store.claim.bind(stage.store);
  vi.spyOn(stage.store, 'claim').mockImplementationOnce(async (request) => {
    const answered = await claim(request);
    tellClaimed();
    await gate;
    return answered;
  });
  await stage.work();
  await claimed;
  const claimedAt = stage.clock.now();
  stage.clock.moveTo(claimedAt + LEASE - 50);
  answer();
  await begun;
  expect(await stage.store.reclaim(claimedAt + LEASE, [], [0])).toBe(0);
  letGo();
  await stage.log.until('sent');
  expect((await stage.get(id)).deliveries).toMatchObject([{ state: 'sent', attempts: 1 }]);
});

test('renewals do not overtake each other, and what one finds lost is not handed over any more', async () => {
  const signals: AbortSignal[] = [];
  const { transport, begun, letGo } = patient();
  const send = transport.send.bind(transport);
  transport.send = (envelope, content, signal) => {
    signals.push(signal);
    return send(envelope, content, signal);
  };
  await using stage = await Stage.open({ transport, lease: LEASE });
  await stage.submit();
  await stage.work();
  await begun;
  const { promise: gate, resolve: answer } = Promise.withResolvers<void>();
  const renew = stage.store.renew.bind(stage.store);
  const renewals = vi.spyOn(stage.store, 'renew').mockImplementationOnce(async (...args) => {
    await gate;
    return renew(...args);
  });
  const begunAt = stage.clock.now();
  for (const thirds of [1, 2, 3]) stage.clock.moveTo(begunAt + (thirds * LEASE) / 3);
  expect(renewals).toHaveBeenCalledOnce();
  expect(await stage.store.reclaim(begunAt + LEASE, [], [0])).toBe(1);
  expect(signals[0]?.aborted).toBe(false);
  answer();
  while (signals[0]?.aborted !== true) await turn();
  letGo();
});

test('what is in hand is given back when the share of the connections is over by the clock', async () => {
  const { transport, begun, letGo } = patient();
  await using stage = await Stage.open({ transport, lease: LEASE });
  await Promise.all(['one', 'two', 'three'].map((subject) => stage.submit({ subject })));
  const { worker, share } = stage.sharing(1);
  share.give({ connections: 1, settled: true, pace: null, changes: 0 }, stage.clock.now() + 2 * LEASE);
  await worker.start();
  await begun;
  for (let thirds = 0; thirds < 7; thirds++) stage.clock.moveTo(stage.clock.now() + LEASE / 3);
  while ((await stage.store.counts(stage.clock.now())).states.sending > 1) await turn();
  letGo();
  await stage.log.until('sent');
  await worker.stop();
});

test('a relay that somebody pauses gets nothing of what is in hand either', async () => {
  const { transport, begun, letGo } = patient();
  const send = vi.spyOn(transport, 'send');
  await using stage = await Stage.open({ transport });
  await Promise.all(['one', 'two', 'three'].map((subject) => stage.submit({ subject })));
  await stage.work();
  await begun;
  await stage.store.pauseRelay('default', { at: stage.clock.now(), by: 'Ada' });
  while ((await stage.store.counts(stage.clock.now())).states.sending > 1) {
    stage.clock.moveTo(stage.clock.now() + 250);
    await turn();
  }
  letGo();
  await stage.log.until('sent');
  expect(send).toHaveBeenCalledOnce();
});

test('a stop breaks off what is behind its final dot in the end, and says that it is in doubt', async () => {
  await using stage = await Stage.open({ relay: { script: { dot: silence } } });
  const id = await stage.submit();
  const worker = await stage.work();
  await stage.relay.until(() => stage.relay.received.length === 1);
  const stopped = worker.stop();
  const begun = stage.clock.now();
  while (stage.relay.openConnections > 0) {
    stage.clock.moveTo(stage.clock.now() + GRACE / 100);
    await turn();
  }
  await stopped;
  // A relay may take ten minutes for its answer.
  expect(stage.clock.now() - begun).toBeLessThan(60_000);
  expect((await stage.get(id)).deliveries).toMatchObject([{ state: 'queued', inDoubt: true }]);
});
