/** A relay that is down costs nobody an attempt, and hears from us a little at a time. */
import { describe, expect, test } from 'vitest';
import { drop } from '../relay/actions.ts';
import { Stage } from '../support/delivery.ts';

const DAY = 86_400_000;

describe('a relay that is down for a day', () => {
  test('with 10,000 messages waiting sees a few connections, no message loses an attempt, and all arrive when it is back', async () => {
    await using stage = await Stage.open({ relay: { script: { connect: drop } } });
    const begin = stage.clock.now();
    await Promise.all(Array.from({ length: 10_000 }, () => stage.submit()));
    await stage.work();
    for (let probes = 1; stage.clock.now() < begin + DAY; probes++) {
      await stage.log.until('relay fault', probes);
      await stage.nextProbe();
    }
    expect(stage.relay.connections.length).toBeLessThan(150);
    const { rows } = await stage.store.find({ states: ['queued', 'sending'] }, { limit: 10_000 });
    expect(rows.every((row) => row.attempts <= (row.state === 'sending' ? 1 : 0))).toBe(true);

    stage.relay.script = {};
    await stage.nextProbe();
    await stage.log.until('sent', 10_000);
    expect((await stage.store.relays())[0]?.faults ?? 0).toBe(0);
    expect(new Set(stage.relay.received.map(({ content }) => content.toString())).size).toBe(10_000);
    expect(stage.relay.received).toHaveLength(10_000);
  });

  test('opens one connection for its first probe, however many messages wait', async () => {
    await using stage = await Stage.open({ relay: { script: { connect: drop } } });
    await Promise.all(Array.from({ length: 100 }, () => stage.submit()));
    await stage.once();
    expect(stage.relay.connections).toHaveLength(1);
  });
});

describe.each([
  ['a greeting of 554', { connect: '554 5.3.2 not now' }],
  ['421 to MAIL', { mail: '421 4.3.2 shutting down' }],
  ['a demand for a login', { mail: '530 5.7.0 authentication required' }],
  ['a suspended account', { mail: '550 5.7.30 account suspended' }],
] as const)('%s', (_, script) => {
  test('pauses the relay and bounces nothing', async () => {
    await using stage = await Stage.open({ relay: { script } });
    const id = await stage.submit();
    await stage.once();
    expect((await stage.get(id)).deliveries[0]).toMatchObject({ state: 'queued', attempts: 0 });
    expect((await stage.store.relays())[0]).toMatchObject({ relay: 'default', faults: 1 });
  });
});

test('a message that always makes the relay hang up does not keep the others back', async () => {
  const script = {
    mail: (command: string) => (command.includes('poison') ? ('421 4.3.2 bye' as const) : ({ kind: 'usual' } as const)),
  };
  await using stage = await Stage.open({ relay: { script }, smtp: { maxConnections: 1 } });
  const poison = await stage.submit({ sender: 'poison@example.org' });
  const others = await Promise.all(Array.from({ length: 5 }, () => stage.submit()));
  await stage.work();
  for (let faults = 1; stage.log.count('sent') < others.length; faults++) {
    await stage.log.until('relay fault', faults);
    await stage.nextProbe();
    await Promise.race([stage.log.until('sent', others.length), stage.log.until('relay fault', faults + 1)]);
  }
  expect(stage.relay.received.filter(({ sender }) => sender.startsWith('poison'))).toEqual([]);
  expect(['queued', 'sending']).toContain((await stage.get(poison)).deliveries[0]?.state);
});

test('the next attempt that the log names is never in the past, though the message was due long ago', async () => {
  await using stage = await Stage.open({ relay: { script: { connect: drop } } });
  await stage.submit();
  stage.clock.moveTo(stage.clock.now() + DAY);
  await stage.once();
  const [deferred] = stage.log.events.filter(({ event }) => event === 'deferred');
  expect(Date.parse(String(deferred?.fields.nextAttempt))).toBeGreaterThan(stage.clock.now());
});
