/** A queue with mail in every state, with its history, for those who look at all of it. */
import { randomBytes } from 'node:crypto';
import type { Claim, Settlement, Store } from '../../src/queue/store.ts';
import { type Id, newId } from '../../src/runtime/id.ts';
import { claimAll, HOLDER, LATER, OK, sample, settlement, T } from '../store/conformance/samples.ts';

/** Messages that are inserted, claimed and settled together. */
const BATCH = 100;
/** What a subject may hold: every engine has its own trouble with one of them. */
const SUBJECTS = ['plain', 'Grüße 💌', 'trailing  ', 'a\0b', "quote ' \\ %_?", '', null];

/** At least `count` messages of one or two recipients, some large, some of them left as a killed worker leaves them. */
export async function fillMixed(store: Store, count: number, { large = 2, chunks = 5 } = {}): Promise<readonly Id[]> {
  const ids: Id[] = [];
  for (let done = 0; done < count; done += BATCH) {
    const messages = Array.from({ length: Math.min(BATCH, count - done) }, (_, i) =>
      sample({
        subject: SUBJECTS[i % SUBJECTS.length] ?? null,
        to:
          i % 3 === 0
            ? [`a${i}@example.com`, { recipient: `b${i}@example.org`, held: 'operator' }]
            : [`a${i}@example.com`],
        tags: i % 2 === 0 ? ['news', 'é'] : [],
        metadata: i % 5 === 0 ? { order: '7' } : {},
        key: i % 4 === 0 ? `key ${done + i}` : null,
        content: randomBytes(i % 10 === 0 ? 20_000 : 200),
      }),
    );
    await store.insert(messages, T);
    ids.push(...messages.map(({ message }) => message.id));
    await settleSome(store, await claimAll(store, { limit: BATCH / 2 }));
  }
  for (let i = 0; i < large; i++) ids.push(await putLarge(store, chunks));
  await store.move({ ids: ids.slice(0, 3) }, 'cancelled', { now: T + 5, expiresAt: T + 1_000_000 });
  // Claims that nobody ends, held by a process that is gone.
  await claimAll(store, { limit: 7, holder: HOLDER });
  await store.pauseRelay('backup', { at: T, by: 'ann@example' });
  await store.suppress([
    { target: 'nobody@example.com', reason: 'bounced', since: T, until: null, note: null },
    { target: '@gone.example', reason: 'by hand', since: T, until: T + 9, note: 'closed ü' },
  ]);
  const id = newId(T);
  const who = { by: 'ann@example', role: 'command', from: null } as const;
  const what = { subject: 'Grüße', ids: ids.slice(0, 3) };
  await store.keepAudit({ id, at: T, ...who, action: 'cancel', what, reason: null, ...ENDED });
  return ids;
}

const ENDED = { count: 3, result: 'done', error: null } as const;

const ENDS: readonly Partial<Settlement>[] = [
  {},
  { state: 'bounced', reason: 'refused', reply: { code: 550, status: '5.1.1', text: 'nobody' } },
  { state: 'queued', dueAt: T + 60_000, reply: LATER, attempt: null },
  { state: 'captured' },
  { state: 'queued', inDoubt: true, dueAt: T + 90_000, attempt: attemptOf('in doubt') },
  { state: 'held', reason: 'error', reply: OK, attempt: attemptOf('deferred') },
];

function attemptOf(outcome: 'in doubt' | 'deferred'): Settlement['attempt'] {
  return { startedAt: T + 1, durationMs: 20, relay: 'default', outcome, reply: LATER };
}

async function settleSome(store: Store, claims: readonly Claim[]): Promise<void> {
  const groups = claims.map((claim, i) => ({
    settlements: [settlement(claim, ENDS[i % ENDS.length] ?? {})],
    reports: [],
  }));
  await store.settle(groups, T + 100);
}

async function putLarge(store: Store, chunks: number): Promise<Id> {
  const id = newId(T);
  for (let sequence = 0; sequence < chunks; sequence++) await store.stage(id, sequence, randomBytes(256 * 1024), T);
  await store.insert([sample({ id, size: chunks * 256 * 1024, stagedChunks: chunks, to: ['large@example.com'] })], T);
  return id;
}
