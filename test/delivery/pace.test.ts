/** Order and pace: strict priority, what one round may do, and what waits until it is asked for. */
import { describe, expect, test } from 'vitest';
import type { Delivery } from '../../src/queue/delivery.ts';
import type { Priority } from '../../src/queue/message.ts';
import { ON_DEMAND } from '../../src/queue/schedule.ts';
import { whyWaiting } from '../../src/queue/why.ts';
import { type Action, drop, usual } from '../relay/actions.ts';
import { Stage, type StageOptions } from '../support/delivery.ts';

const one: StageOptions = { smtp: { maxConnections: 1 } };

/** The subjects in the order in which the relay got them. */
function subjects(stage: Stage): string[] {
  return stage.relay.received
    .filter(({ refused }) => !refused)
    .map(({ content }) => /^Subject: (.*)\r$/m.exec(content.toString())?.[1] ?? '');
}

async function fill(stage: Stage, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 1; i <= count; i++)
    ids.push(await stage.submit({ subject: `m${i}`, recipients: [`b${i}@example.com`] }));
  return ids;
}

/** Once it is, however long that takes. */
async function until(fits: () => Promise<boolean>): Promise<void> {
  while (!(await fits())) await new Promise((resolve) => setImmediate(resolve));
}

const stateOf = async (stage: Stage, id: string) => (await stage.get(id)).deliveries[0];

describe('order', () => {
  test('twelve messages of three priorities, interleaved, go high, medium, low, and first in first out inside each', async () => {
    await using stage = await Stage.open(one);
    const priorities: Priority[] = ['low', 'medium', 'high', 'deferred'];
    for (let i = 0; i < 12; i++) {
      const priority = priorities[(i * 7) % 4] as Priority;
      await stage.submit({ subject: `${priority} ${i}`, priority });
      stage.clock.moveTo(stage.clock.now() + 1);
    }
    await stage.once();
    const sent = ['high 2', 'high 6', 'high 10', 'medium 3', 'medium 7', 'medium 11', 'low 0', 'low 4', 'low 8'];
    expect(subjects(stage)).toEqual(sent);
    // Those with the priority deferred wait until they are asked for, and then for nobody.
    expect(await stage.queue.retry({ states: ['queued'] })).toBe(3);
    await stage.once();
    expect(subjects(stage).slice(9)).toEqual(['deferred 1', 'deferred 5', 'deferred 9']);
  });
});

describe('maxBatch', () => {
  test('2 of 3 are sent, the third by the next run', async () => {
    await using stage = await Stage.open({ limits: { maxBatch: 2 } });
    await fill(stage, 3);
    await stage.once();
    expect(subjects(stage)).toHaveLength(2);
    expect(await stage.store.count({ states: ['queued'] })).toBe(1);
    await stage.once();
    expect(subjects(stage)).toHaveLength(3);
    expect(stage.log.events.at(-1)?.event ?? '').not.toContain('maxBatch');
  });

  test('counts what was sent, and neither what bounced nor what was deferred', async () => {
    const rcpt = (command: string): Action => {
      if (command.includes('<b1@')) return '550 5.1.1 no';
      return command.includes('<b2@') ? '450 4.2.0 later' : usual;
    };
    await using stage = await Stage.open({ limits: { maxBatch: 2 }, relay: { script: { rcpt } } });
    await fill(stage, 6);
    await stage.once();
    expect(subjects(stage).toSorted()).toEqual(['m3', 'm4']);
    const waiting = await stage.store.find({ states: ['queued'] }, { limit: 9 });
    expect(
      waiting.rows
        .filter(({ sender }) => sender !== null)
        .map(({ subject }) => subject)
        .toSorted(),
    ).toEqual(['m2', 'm5', 'm6']);
  });

  test('counts a message of many recipients once', async () => {
    await using stage = await Stage.open({ limits: { maxBatch: 2 } });
    for (const name of ['x', 'y', 'z'])
      await stage.submit({ subject: name, recipients: [1, 2, 3].map((i) => `${name}${i}@example.com`) });
    await stage.once();
    expect(stage.relay.received.map(({ recipients }) => recipients.length)).toEqual([3, 3]);
    expect(subjects(stage)).toEqual(['x', 'y']);
  });

  test('in a worker that goes on, the next batch comes after the pause', async () => {
    await using stage = await Stage.open({ limits: { maxBatch: 2 }, batchPause: 30_000 });
    await fill(stage, 5);
    await stage.work();
    for (const count of [2, 4, 5]) {
      await stage.log.until('sent', count);
      if (count === 5) break;
      await stage.log.until('maxBatch (2) is reached: stopping for this round, the next one begins in 30 s', count / 2);
      stage.clock.moveTo(stage.clock.now() + 29_999);
      await stage.store.changeMark();
      expect(subjects(stage)).toHaveLength(count);
      stage.clock.moveTo(stage.clock.now() + 1_000);
    }
    expect(subjects(stage)).toHaveLength(5);
  });

  test('in a worker that goes on, a batch that opens while it asks what is due is not put off to the next look', async () => {
    await using stage = await Stage.open({ limits: { maxBatch: 1 }, batchPause: 30_000 });
    await fill(stage, 2);
    const { store, clock, queue } = stage;
    let marks = 0;
    const changeMark = async () => {
      if (stage.log.count('maxBatch') === 1) marks++;
      // So that it looks once more, and finds the batch ended.
      if (marks === 1) queue.announceWork();
      if (marks === 2) clock.moveTo(clock.now() + 30_000);
      return store.changeMark();
    };
    const worker = stage.newWorker(stage.relayParts(), { ...stage.parts, store: { ...store, changeMark } });
    await worker.start();
    await stage.log.until('sent', 2);
    await worker.stop();
  });
});

describe('maxDeferred', () => {
  test('2 of 5 that fail are deferred, 3 are not touched, and the next run delivers them', async () => {
    let failing = true;
    const dot = (): Action => (failing ? '451 4.3.0 later' : usual);
    await using stage = await Stage.open({ limits: { maxDeferred: 2 }, relay: { script: { dot } } });
    await fill(stage, 5);
    await stage.once();
    expect(await stage.store.count({ deferred: true })).toBe(2);
    expect(stage.log.events.find(({ event }) => event.startsWith('maxDeferred'))).toEqual({
      event: 'maxDeferred (2) is reached: stopping for this round',
      fields: { relay: 'default', sent: 0, deferred: 2 },
    });
    const rest = await stage.store.find({ states: ['queued'] }, { limit: 9 });
    expect(rest.rows.filter(({ attempts }) => attempts === 0)).toHaveLength(3);
    failing = false;
    await stage.once();
    expect(subjects(stage).toSorted()).toEqual(['m3', 'm4', 'm5']);
  });
});

describe('throttle', () => {
  test('waits between two messages, and not after the last', async () => {
    await using stage = await Stage.open({ limits: { throttle: 1_000 } });
    const [, second = ''] = await fill(stage, 2);
    const run = stage.once();
    await stage.log.until('sent', 1);
    await until(async () => (await stateOf(stage, second))?.state === 'sending');
    stage.clock.moveTo(stage.clock.now() + 999);
    expect(subjects(stage)).toEqual(['m1']);
    stage.clock.moveTo(stage.clock.now() + 1);
    await run;
    expect(subjects(stage)).toEqual(['m1', 'm2']);
  });

  test('sends one at a time, so that what is urgent waits for one message only', async () => {
    await using stage = await Stage.open({ limits: { throttle: 1_000 } });
    const [, second = ''] = await fill(stage, 3);
    await stage.work();
    await stage.log.until('sent', 1);
    await until(async () => (await stateOf(stage, second))?.state === 'sending');
    await stage.submit({ subject: 'urgent', priority: 'high' });
    await until(async () => {
      stage.clock.moveTo(stage.clock.now() + 250);
      return stage.log.count('sent') === 4;
    });
    expect(subjects(stage)).toEqual(['m1', 'm2', 'urgent', 'm3']);
  });
});

describe('manual retries', () => {
  const later: StageOptions = {
    relay: { script: { dot: () => '451 4.3.0 later' } },
    policy: { mode: 'manual', maxAttempts: 3 },
  };

  test('leave what failed for the time being until somebody asks, with its priority, and say so', async () => {
    let failing = true;
    const dot = (): Action => (failing ? '451 4.3.0 later' : usual);
    await using stage = await Stage.open({ policy: { mode: 'manual' }, relay: { script: { dot } } });
    const id = await stage.submit({ priority: 'low' });
    await stage.once();
    failing = false;
    stage.clock.moveTo(stage.clock.now() + 4 * 86_400_000);
    await stage.once();
    const waiting = await stateOf(stage, id);
    expect(waiting).toMatchObject({ state: 'queued', priority: 'low', attempts: 1 });
    expect(whyWaiting(waiting as Delivery, undefined, [stage.node()], stage.clock.now())).toBe(
      'The last attempt did not succeed (451 4.3.0 later); retries are manual, so it waits until somebody retries it.',
    );
    expect(await stage.queue.retry({ deferred: true })).toBe(1);
    expect(await stateOf(stage, id)).toMatchObject({ priority: 'low', expiresAt: waiting?.expiresAt });
    await stage.once();
    expect((await stage.get(id)).attempts.map(({ outcome }) => outcome)).toEqual(['deferred', 'sent']);
  });

  test('end after the last attempt as bounced, with a report, and not before', async () => {
    await using stage = await Stage.open(later);
    const id = await stage.submit();
    for (let attempts = 1; attempts <= 3; attempts++) {
      await stage.once();
      const state = attempts < 3 ? 'queued' : 'bounced';
      expect(await stateOf(stage, id)).toMatchObject({ state, attempts });
      expect(await stage.queue.retry({ deferred: true, ids: [id] })).toBe(attempts < 3 ? 1 : 0);
    }
    expect(await stateOf(stage, id)).toMatchObject({ reason: 'expired' });
    expect(await stage.reports(id)).toHaveLength(1);
  });

  test('that never come leave it to its age, at which it bounces with a report', async () => {
    await using stage = await Stage.open(later);
    const id = await stage.submit();
    await stage.once();
    stage.clock.moveTo((await stateOf(stage, id))?.expiresAt ?? 0);
    await stage.janitor().round();
    expect(await stateOf(stage, id)).toMatchObject({ state: 'bounced', reason: 'expired' });
    expect(await stage.reports(id)).toHaveLength(1);
  });

  test('a message may ask for, or be tried by itself where the relay is manual', async () => {
    await using stage = await Stage.open({ relay: { script: { dot: () => '451 4.3.0 later' } } });
    const manual = await stage.submit({ retry: { mode: 'manual' } });
    const usually = await stage.submit();
    await stage.once();
    expect([await stateOf(stage, manual), await stateOf(stage, usually)]).toMatchObject([
      { dueAt: ON_DEMAND },
      { dueAt: stage.clock.now() + 60_000 },
    ]);
    await using other = await Stage.open(later);
    const automatic = await other.submit({ retry: { mode: 'automatic' } });
    await other.once();
    expect(await stateOf(other, automatic)).toMatchObject({ dueAt: other.clock.now() + 60_000 });
  });

  test('do not concern faults of the relay: mail goes on by itself when the relay is well', async () => {
    await using stage = await Stage.open({ policy: { mode: 'manual' }, relay: { script: { connect: [drop] } } });
    const id = await stage.submit();
    await stage.once();
    expect(await stateOf(stage, id)).toMatchObject({ state: 'queued', attempts: 0 });
    await stage.nextProbe();
    await stage.once();
    expect(await stateOf(stage, id)).toMatchObject({ state: 'sent' });
  });
});
