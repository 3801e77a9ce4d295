/** A relay that keeps some messages waiting for minutes: others must not wait behind them while other workers have room. */
import { expect, test } from 'vitest';
import { usual, when } from '../relay/actions.ts';
import { Stage } from '../support/delivery.ts';

const STUCK = 5_000;

/** Over one connection, whose first message is answered when it is let go. */
async function stuckStage(): Promise<{ readonly stage: Stage; letGo(): void }> {
  const { promise: gate, resolve: letGo } = Promise.withResolvers<void>();
  let dots = 0;
  const dot = () => (++dots === 1 ? when(gate) : usual);
  const stage = await Stage.open({ smtp: { maxConnections: 1 }, relay: { script: { dot } } });
  return { stage, letGo };
}

const statesOf = async (stage: Stage) => (await stage.store.counts(stage.clock.now())).states;

async function untilSending(stage: Stage, count: number): Promise<void> {
  while ((await statesOf(stage)).sending !== count) await new Promise(setImmediate);
}

test('whose connection hangs takes no more messages, until it gets free', async () => {
  const { stage, letGo } = await stuckStage();
  await stage.submit({ subject: 'one' });
  await stage.work();
  await stage.relay.until(() => stage.relay.connections[0]?.commands.includes('DATA') === true);
  stage.clock.moveTo(stage.clock.now() + STUCK);
  await Promise.all(['three', 'four', 'five'].map((subject) => stage.submit({ subject })));
  // Another worker gets them at once.
  const other = { relay: 'default', limit: 2, now: stage.clock.now(), until: stage.clock.now() + 60_000 };
  const { claims } = await stage.store.claim({ ...other, holder: stage.node().id });
  expect(claims).toHaveLength(2);
  expect(await statesOf(stage)).toMatchObject({ sending: 3, queued: 1 });
  letGo();
  await stage.log.until('sent', 2);
  await stage[Symbol.asyncDispose]();
});

test('what it has claimed before and not begun is given back', async () => {
  const { stage, letGo } = await stuckStage();
  await Promise.all(Array.from({ length: 20 }, (_, i) => stage.submit({ subject: String(i) })));
  await stage.work();
  await untilSending(stage, 20);
  stage.clock.moveTo(stage.clock.now() + STUCK);
  stage.clock.moveTo(stage.clock.now() + STUCK);
  // Three have been handed over.
  await untilSending(stage, 3);
  expect(stage.log.count('the relay leaves all that it has been given unanswered')).toBe(1);
  letGo();
  await stage.log.until('sent', 20);
  expect(new Set(stage.relay.received.map(({ content }) => content.toString())).size).toBe(20);
  expect(stage.relay.received).toHaveLength(20);
  await stage[Symbol.asyncDispose]();
});
