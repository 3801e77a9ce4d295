/** How mail in an application's transaction is waited for that is never committed. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { CommitWatch } from '../../src/app/commit-watch.ts';
import { ManualClock } from '../../src/runtime/clock.ts';
import { openStore } from '../../src/store/open.ts';
import { sample } from '../store/conformance/samples.ts';
import { temporaryFolder } from '../support/posthaste.ts';

const MINUTE = 60_000;

test('one that was rolled back is looked for less and less, and not for ever', async () => {
  using folder = temporaryFolder();
  const store = await openStore(`sqlite:${folder.path}/queue.db`);
  const clock = new ManualClock(0);
  const answers: Promise<unknown>[] = [];
  const get = (id: string) => {
    const answer = store.get(id);
    answers.push(answer);
    return answer;
  };
  const watch = new CommitWatch({ get }, { committed: () => undefined }, clock);
  watch.expect(sample());
  const pass = async (until: number): Promise<number> => {
    const before = answers.length;
    for (; clock.now() < until; clock.moveTo(clock.now() + 100)) {
      await turn();
      await answers.at(-1);
      await turn();
    }
    return answers.length - before;
  };
  expect(await pass(MINUTE)).toBeGreaterThan(10);
  expect(await pass(10 * MINUTE)).toBeLessThan(60);
  expect(await pass(11 * MINUTE)).toBeLessThanOrEqual(1);
  watch.end();
  await store.close();
});
