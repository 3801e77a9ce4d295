/** Measures the store alone: durable submissions, claims with settlements, and what a claim costs with many waiting. `node bench/store.ts` */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NewMessage } from '../src/queue/message.ts';
import type { Claim, Inserted, Settlement, Store } from '../src/queue/store.ts';
import { Batch } from '../src/runtime/batch.ts';
import { newId } from '../src/runtime/id.ts';
import { openStore } from '../src/store/open.ts';

const SIZE = 4096;
const BATCH = 200;
const RELAY = 'default';
const holder = newId(Date.now());
const content = Buffer.alloc(SIZE, 'posthaste ');

function newMessage(n: number, dueAt: number): NewMessage {
  const id = newId(Date.now());
  return {
    message: {
      id,
      createdAt: dueAt,
      sender: 'app@example.com',
      messageId: `<${id}@example.com>`,
      subject: `Message ${n} of the measurement`,
      size: SIZE,
      eightBit: false,
      smtputf8: false,
      ret: null,
      envelopeId: null,
      priority: 'medium',
      origin: 'smtp',
      reportOn: null,
      key: null,
      tags: [],
      metadata: {},
      retry: null,
    },
    deliveries: [
      {
        recipient: `user${(n * 7919) % 1_000_003}@example${n % 50}.org`,
        notify: null,
        originalRecipient: null,
        relay: RELAY,
        dueAt,
        expiresAt: dueAt + 432_000_000,
        delayReportAt: null,
        held: null,
      },
    ],
    content: { bytes: content },
  };
}

function percentile(times: readonly number[], part: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

function show(what: string, count: number, ms: number, times: readonly number[]): void {
  const rate = Math.round((count / ms) * 1000);
  const p = (part: number): string => percentile(times, part).toFixed(2);
  console.log(
    `${what.padEnd(44)} ${String(rate).padStart(7)}/s   p50 ${p(0.5)} ms   p99 ${p(0.99)} ms   max ${p(1)} ms`,
  );
}

async function insertMany(store: Store, submitters: number, total: number): Promise<void> {
  const batch = new Batch<NewMessage, Inserted>((messages) => store.insert(messages, Date.now()), { maxItems: BATCH });
  const times: number[] = [];
  let next = 0;
  const submitter = async (): Promise<void> => {
    while (next < total) {
      const before = performance.now();
      await batch.add(newMessage(next++, Date.now()));
      times.push(performance.now() - before);
    }
  };
  const before = performance.now();
  await Promise.all(Array.from({ length: submitters }, submitter));
  show(`insert 4 KB, ${submitters} submitters`, total, performance.now() - before, times);
}

function settlementOf(claim: Claim, now: number): Settlement[] {
  const reply = { code: 250, status: '2.0.0', text: `ok, queued as ${claim.token.slice(0, 12)}` };
  return claim.deliveries.map(({ id, ordinal }) => ({
    token: claim.token,
    id,
    ordinal,
    state: 'sent',
    reason: null,
    dueAt: now,
    giveBack: false,
    reply,
    inDoubt: false,
    delayReported: false,
    attempt: { startedAt: now, durationMs: 3, relay: RELAY, outcome: 'sent', reply },
  }));
}

async function claimSome(store: Store): Promise<readonly Claim[]> {
  const now = Date.now();
  return store.claim({ relay: RELAY, limit: BATCH, now, until: now + 60_000, holder });
}

async function drain(store: Store, most: number): Promise<void> {
  const times: number[] = [];
  let ended = 0;
  const before = performance.now();
  const settling: Promise<unknown>[] = [];
  while (ended < most) {
    const start = performance.now();
    const claims = await claimSome(store);
    times.push(performance.now() - start);
    if (claims.length === 0) break;
    const now = Date.now();
    settling.push(
      store.settle(
        claims.map((claim) => ({ settlements: settlementOf(claim, now), reports: [] })),
        now,
      ),
    );
    ended += claims.length;
  }
  await Promise.all(settling);
  show(`claim with content and settle, ${BATCH} at once`, ended, performance.now() - before, times);
}

async function fill(store: Store, count: number): Promise<void> {
  for (let n = 0; n < count; ) {
    const messages = Array.from({ length: Math.min(1000, count - n) }, () => newMessage(n++, Date.now()));
    await store.insert(
      messages.map((message) => ({ ...message, content: { bytes: Buffer.alloc(100) } })),
      Date.now(),
    );
  }
}

async function claimCost(store: Store, waiting: number): Promise<void> {
  const times: number[] = [];
  for (let i = 0; i < 20; i++) {
    const before = performance.now();
    const claims = await claimSome(store);
    times.push(performance.now() - before);
    await store.release(
      claims.map(({ token }) => token),
      Date.now(),
    );
  }
  show(
    `claim ${BATCH} of ${waiting.toLocaleString('en')} waiting`,
    20 * BATCH,
    times.reduce((a, b) => a + b),
    times,
  );
}

async function withStore(work: (store: Store) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'posthaste-bench-'));
  const store = await openStore(join(folder, 'queue.db'));
  try {
    await work(store);
  } finally {
    await store.close();
    await rm(folder, { recursive: true });
  }
}

await withStore(async (store) => {
  await insertMany(store, 100, 5_000);
  for (const [submitters, total] of [
    [1, 3_000],
    [20, 20_000],
    [100, 60_000],
  ] as const) {
    await insertMany(store, submitters, total);
  }
  await drain(store, 60_000);
});
await withStore(async (store) => {
  const sizes = process.argv.includes('--large') ? [1e3, 1e4, 1e5, 1e6] : [1e3, 1e4, 1e5];
  let waiting = 0;
  for (const size of sizes) {
    await fill(store, size - waiting);
    waiting = size;
    await claimCost(store, waiting);
  }
  const before = performance.now();
  await store.counts(Date.now());
  console.log(`counts over ${waiting.toLocaleString('en')}: ${(performance.now() - before).toFixed(1)} ms`);
});
