/** Facts about the audit trail. */
import { describe, expect, test } from 'vitest';
import type { AuditRecord } from '../../../src/queue/audit.ts';
import { newId } from '../../../src/runtime/id.ts';
import type { Bench } from '../conformance.ts';
import { T } from './samples.ts';

/** `newId` never steps back. */
function idAt(at: number): string {
  const time = at.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}${newId(T).slice(13)}`;
}

function record(at: number, part: Partial<AuditRecord> = {}): AuditRecord {
  const who = { by: 'ann', role: 'operator', from: '192.0.2.1' } as const;
  const deed = { action: 'cancel', what: { recipient: '@é.example', states: ['queued'] }, reason: null };
  return { id: idAt(at), at, ...who, ...deed, count: null, result: 'begun', error: null, ...part };
}

export function auditFacts(bench: Bench): void {
  describe('the audit trail', () => {
    test('keeps what it is given, once, and how it ended', async () => {
      const { store } = bench;
      const one = record(T);
      await store.keepAudit(one);
      await store.keepAudit(one);
      expect(await store.audit({}, { limit: 10 })).toEqual({ rows: [one], cursor: null });
      await store.endAudit(one.id, { result: 'failed', count: 3, error: "quote ' \\ %_?" });
      const ended = { ...one, result: 'failed', count: 3, error: "quote ' \\ %_?" };
      expect((await store.audit({}, { limit: 10 })).rows).toEqual([ended]);
    });

    test('is read newest first, in pages, by who, what and when', async () => {
      const { store } = bench;
      const all = [0, 1, 2, 3, 4].map((i) =>
        record(T + i * 1_000, { by: i % 2 === 0 ? 'ann' : 'Ann', action: i < 3 ? 'cancel' : 'pause' }),
      );
      for (const each of all) await store.keepAudit(each);
      const times = async (filter: object): Promise<number[]> =>
        (await store.audit(filter, { limit: 10 })).rows.map(({ at }) => (at - T) / 1_000);
      expect(await times({})).toEqual([4, 3, 2, 1, 0]);
      expect(await times({ by: 'ann' })).toEqual([4, 2, 0]);
      expect(await times({ by: 'ann', action: 'cancel' })).toEqual([2, 0]);
      expect(await times({ after: T + 1_000, before: T + 4_000 })).toEqual([3, 2]);
      const first = await store.audit({}, { limit: 2 });
      const second = await store.audit({}, { limit: 2, cursor: first.cursor as string });
      const third = await store.audit({}, { limit: 2, cursor: second.cursor as string });
      expect([first, second, third].flatMap(({ rows }) => rows)).toEqual(all.toReversed());
      expect(third.cursor).toBeNull();
    });

    test('forgets what is old, the oldest first, in parts', async () => {
      const { store } = bench;
      for (let i = 0; i < 5; i++) await store.keepAudit(record(T + i));
      expect(await store.purgeAudit(T + 3, 2)).toBe(2);
      expect(await store.purgeAudit(T + 3, 2)).toBe(1);
      expect(await store.purgeAudit(T + 3, 2)).toBe(0);
      expect((await store.audit({}, { limit: 10 })).rows.map(({ at }) => at)).toEqual([T + 4, T + 3]);
    });
  });
}
