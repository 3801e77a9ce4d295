/** What a watcher keeps in memory. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { Feed } from '../../src/app/feed.ts';
import { ManualClock } from '../../src/runtime/clock.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { openStore } from '../../src/store/open.ts';
import { sample, T } from '../store/conformance/samples.ts';
import { temporaryFolder } from '../support/posthaste.ts';

const MANY = 30_000;

function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

test('a watcher that is told of all that is kept remembers none of what lies far back', async () => {
  using folder = temporaryFolder();
  const store = await openStore(`sqlite:${folder.path}/queue.db`);
  for (let n = 0; n < MANY; n += 500)
    await store.insert(
      Array.from({ length: 500 }, () => sample()),
      T,
    );
  const stop = new AbortController();
  const parts = { store, clock: new ManualClock(T + 3_600_000), log: silentLog };
  const events = new Feed(parts, { after: 1, signal: stop.signal }).events();
  await events.next();
  const before = heapUsed();
  for (let n = 1; n < MANY; n++) await events.next();
  expect((heapUsed() - before) / MANY).toBeLessThan(60);
  stop.abort();
  await events.return(undefined);
  await store.close();
});
