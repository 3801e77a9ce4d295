/** Facts about mail that waits for long, and the reports that say so. */
import { describe, expect, test } from 'vitest';
import type { DelayReport, LateMessage } from '../../../src/queue/store.ts';
import type { Bench } from '../conformance.ts';
import { claimAll, put, sample, settleOne, stateOf, T } from './samples.ts';

const LATE = T + 100;
const late = { delayReportAt: LATE };

function reportOn({ deliveries, message }: LateMessage): DelayReport {
  return { deliveries, report: sample({ sender: null, origin: 'report', reportOn: message.id }) };
}

export function delayFacts(bench: Bench): void {
  const found = async (now = LATE, limit = 10): Promise<readonly LateMessage[]> => bench.store.late(now, limit);
  const names = async (now?: number): Promise<string[]> =>
    (await found(now)).flatMap(({ deliveries }) => deliveries.map(({ recipient }) => recipient));

  describe('late', () => {
    test('finds from that time on what is queued and has a time, the longest waiting first', async () => {
      await put(bench.store, { to: [{ recipient: 'b@x.org', delayReportAt: LATE + 1 }] });
      await put(bench.store, { to: [{ recipient: 'a@x.org', ...late }] });
      await put(bench.store, { to: ['never@x.org'] });
      expect(await names(LATE - 1)).toEqual([]);
      expect(await names()).toEqual(['a@x.org']);
      expect(await names(LATE + 1)).toEqual(['a@x.org', 'b@x.org']);
      expect(await found(LATE + 1, 1)).toMatchObject([{ deliveries: [{ delayReportAt: LATE, delayReported: false }] }]);
    });

    test('gives all late deliveries of a message together, and only these', async () => {
      const to = [{ recipient: 'a@x.org', ...late }, 'b@x.org', { recipient: 'c@x.org', ...late }];
      const id = await put(bench.store, { to });
      expect(await found()).toMatchObject([{ message: { id }, deliveries: [{ ordinal: 1 }, { ordinal: 3 }] }]);
    });

    test('leaves out what is held, being sent, ended, or waits for a person', async () => {
      await put(bench.store, { to: [{ ...late, held: 'operator' }] });
      await put(bench.store, { to: [late], priority: 'deferred' });
      await put(bench.store, { to: [late] });
      const [claim] = await claimAll(bench.store);
      expect(await names()).toEqual([]);
      if (claim !== undefined) await settleOne(bench.store, claim);
      expect(await names()).toEqual([]);
    });
  });

  describe('reportDelays', () => {
    test('takes each once, with its report, and changes nothing else', async () => {
      const id = await put(bench.store, { to: [late] });
      const [before] = (await bench.store.get(id))?.deliveries ?? [];
      const each = (await found()) as [LateMessage];
      const [one, two] = [reportOn(each[0]), reportOn(each[0])];
      expect(await bench.store.reportDelays([one], LATE)).toEqual([true]);
      expect(await bench.store.reportDelays([two], LATE)).toEqual([false]);
      expect((await bench.store.get(id))?.deliveries).toEqual([{ ...before, delayReported: true }]);
      expect(await bench.store.get(one.report.message.id)).not.toBeNull();
      expect(await bench.store.get(two.report.message.id)).toBeNull();
      expect(await names()).toEqual([]);
    });

    test('of two stores at the same time takes one', async () => {
      const other = await bench.another();
      for (let n = 0; n < 20; n++) await put(bench.store, { to: [late, late] });
      const all = await found(LATE, 100);
      const took = await Promise.all(
        [bench.store, other].map((store) =>
          store.reportDelays(
            all.map((each) => reportOn(each)),
            LATE,
          ),
        ),
      );
      expect(took[0]?.map((mine, i) => mine !== took[1]?.[i])).toEqual(Array(20).fill(true));
      expect(await bench.store.count({ sender: '<>' })).toBe(20);
    });

    test('takes nothing for a message of which a delivery was claimed meanwhile, and takes the others', async () => {
      const to = [
        { recipient: 'a@x.org', ...late },
        { recipient: 'b@x.org', ...late, relay: 'other' },
      ];
      const id = await put(bench.store, { to });
      await put(bench.store, { to: [{ ...late, relay: 'other' }] });
      const reports = (await found()).map((each) => reportOn(each));
      await claimAll(bench.store);
      const took = await bench.store.reportDelays(reports, LATE);
      expect(took.filter(Boolean)).toHaveLength(1);
      expect(await stateOf(bench.store, id)).toBe('sending');
      expect(await found()).toMatchObject([{ message: { id }, deliveries: [{ ordinal: 2 }] }]);
      expect(await bench.store.reportDelays([], LATE)).toEqual([]);
    });
  });

  test('a move to queued puts the time off for what did not wait until then, and for nothing else', async () => {
    const options = { now: T, expiresAt: T, delayReportAt: LATE + 50 };
    const held = await put(bench.store, { to: [{ ...late, held: 'operator' }, { held: 'operator' }] });
    const queued = await put(bench.store, { to: [late] });
    const asked = await put(bench.store, { to: [late], priority: 'deferred' });
    await bench.store.move({ states: ['held', 'queued'] }, 'queued', options);
    const times = async (id: string) => (await bench.store.get(id))?.deliveries.map((each) => each.delayReportAt);
    expect(await times(held)).toEqual([LATE + 50, null]);
    expect(await times(queued)).toEqual([LATE]);
    expect(await times(asked)).toEqual([LATE + 50]);
  });
}
