/** A relay that is down costs nobody an attempt, and hears from us a little at a time. */
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { drop } from '../relay/actions.ts';
import { GRACE, Stage, type StageOptions } from '../support/delivery.ts';

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

/** Messages with the subject `large` do not come as far as the relay. */
const stopped: [string, StageOptions][] = [
  ['a message that is too large for the setting', { smtp: { maxSize: 200 } }],
  [
    'a message that a hook stops',
    {
      hooks: {
        beforeSend: ({ subject }) => {
          if (subject === 'large') throw new Error('no');
        },
      },
    },
  ],
];

function submitLarge(stage: Stage): Promise<string> {
  return stage.submit({ content: `Subject: large\r\n\r\n${'x'.repeat(500)}\r\n`, subject: 'large' });
}

describe('what has not met the relay does not end its pause', () => {
  test.each(stopped)('%s', async (_, options) => {
    await using stage = await Stage.open({ ...options, relay: { script: { connect: drop } } });
    const first = await stage.submit();
    await stage.once();
    await stage.queue.cancel({ ids: [first] });
    const probe = await submitLarge(stage);
    await stage.nextProbe();
    await stage.once();
    expect((await stage.get(probe)).deliveries[0]).toMatchObject({ attempts: 1, lastReply: { ours: true } });
    expect(stage.relay.connections).toHaveLength(1);
    expect((await stage.store.relays())[0]).toMatchObject({ faults: 1, mendedAt: null });
  });
});

describe('a probe that has not met the relay lets the next message probe at once', () => {
  /** A faulty relay that would take mail again, its probe due. */
  async function due(options: StageOptions): Promise<Stage> {
    const stage = await Stage.open({ ...options, relay: { script: { connect: drop } } });
    const first = await stage.submit();
    await stage.once();
    await stage.queue.cancel({ ids: [first] });
    stage.relay.script = {};
    return stage;
  }

  test.each(stopped)('%s', async (_, options) => {
    await using stage = await due(options);
    const probes = [await submitLarge(stage), await submitLarge(stage)];
    const other = await stage.submit();
    await stage.nextProbe();
    await stage.once();
    const tried = await Promise.all(probes.map(async (id) => (await stage.get(id)).attempts.length));
    expect(tried).toEqual([1, 1]);
    expect((await stage.get(other)).deliveries[0]).toMatchObject({ state: 'sent' });
    expect((await stage.store.relays())[0]).toMatchObject({ faults: 0 });
  });

  test('also where the worker lives on, and nothing else comes', async () => {
    const [, options] = stopped[1] as (typeof stopped)[1];
    await using stage = await due(options);
    await submitLarge(stage);
    await stage.submit();
    await stage.nextProbe();
    await stage.work();
    await stage.log.until('sent');
  });

  test('a claim that is given back in order', async () => {
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    let silent = true;
    const beforeSend = (): Promise<void> | undefined => {
      if (!silent) return undefined;
      resolve();
      return new Promise(() => undefined);
    };
    const options = { hooks: { beforeSend } };
    silent = false;
    await using stage = await due(options);
    silent = true;
    const probe = await stage.submit();
    await stage.nextProbe();
    await stage.work();
    await asked;
    const end = stage.clock.now() + GRACE;
    const stop = stage.stopWork();
    while (stage.clock.nextTimer() !== end) await turn();
    stage.clock.moveTo(end);
    await stop;
    silent = false;
    await stage.once();
    expect((await stage.get(probe)).deliveries[0]).toMatchObject({ state: 'sent' });
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
