import { expect, test } from 'vitest';
import { ManualClock } from './clock.ts';
import { Flood } from './flood.ts';
import { type LogFields, silentLog } from './log.ts';

function told(): { readonly flood: Flood; readonly clock: ManualClock; readonly lines: LogFields[] } {
  const lines: LogFields[] = [];
  const clock = new ManualClock(0);
  const log = { ...silentLog, info: (fields: LogFields, event: string) => void lines.push({ ...fields, event }) };
  return { flood: new Flood(log, clock), clock, lines };
}

test('the first line comes at once, and those of each span after it as one, until there are none', () => {
  const { flood, clock, lines } = told();
  for (let n = 1; n <= 1_000; n++) flood.info('full', { n }, 'refused');
  expect(lines.splice(0)).toEqual([{ event: 'refused', n: 1 }]);
  clock.moveTo(10_000);
  expect(lines.splice(0)).toEqual([{ event: 'refused', n: 1_000, times: 999, withinMs: 10_000 }]);
  flood.info('full', { n: 1_001 }, 'refused');
  clock.moveTo(20_000);
  expect(lines.splice(0)).toEqual([{ event: 'refused', n: 1_001, times: 1, withinMs: 10_000 }]);
  clock.moveTo(30_000);
  flood.info('full', { n: 1_002 }, 'refused');
  expect(lines).toEqual([{ event: 'refused', n: 1_002 }]);
});

test('lines of another kind are not held up', () => {
  const { flood, lines } = told();
  for (const kind of ['full', 'forbidden', 'full']) flood.info(kind, { kind }, 'refused');
  expect(lines.map(({ kind }) => kind)).toEqual(['full', 'forbidden']);
});

test('the end tells what is counted, and nothing comes later', () => {
  const { flood, clock, lines } = told();
  for (let n = 1; n <= 3; n++) flood.info('full', { n }, 'refused');
  flood.end();
  clock.moveTo(60_000);
  expect(lines.slice(1)).toEqual([{ event: 'refused', n: 3, times: 2, withinMs: 10_000 }]);
});
