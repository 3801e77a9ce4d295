/** Measures the store alone: durable submissions, and claims with settlements. `node bench/store.ts [URL]` */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { NewMessage } from '../src/queue/message.ts';
import type { Inserted, Store } from '../src/queue/store.ts';
import { Batch } from '../src/runtime/batch.ts';
import { openStore } from '../src/store/open.ts';
import { makeDatabase } from './database.ts';
import { quantile } from './figures.ts';
import { claimSome, newMessage, sent } from './messages.ts';

const {
  positionals: [server],
} = parseArgs({ allowPositionals: true });

const SIZE = 4096;
const BATCH = 200;
const content = Buffer.alloc(SIZE, 'posthaste ');

function show(what: string, count: number, ms: number, times: readonly number[]): void {
  const rate = Math.round((count / ms) * 1000);
  const p = (part: number): string => quantile(times, part).toFixed(2);
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
      await batch.add(newMessage(next++, content));
      times.push(performance.now() - before);
    }
  };
  const before = performance.now();
  await Promise.all(Array.from({ length: submitters }, submitter));
  show(`insert 4 KB, ${submitters} submitters`, total, performance.now() - before, times);
}

async function drain(store: Store, most: number): Promise<void> {
  const times: number[] = [];
  let ended = 0;
  const before = performance.now();
  const settling: Promise<unknown>[] = [];
  while (ended < most) {
    const start = performance.now();
    const claims = await claimSome(store, BATCH);
    times.push(performance.now() - start);
    if (claims.length === 0) break;
    settling.push(store.settle(sent(claims), Date.now()));
    ended += claims.length;
  }
  await Promise.all(settling);
  show(`claim with content and settle, ${BATCH} at once`, ended, performance.now() - before, times);
}

/** A new store: in a file, or on the server that the command line names. */
async function withStore(work: (store: Store) => Promise<void>): Promise<void> {
  const { url, drop } = server === undefined ? await makeFile() : await makeDatabase(server);
  try {
    const store = await openStore(url);
    await work(store).finally(() => store.close());
  } finally {
    await drop();
  }
}

async function makeFile(): Promise<{ readonly url: string; readonly drop: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'posthaste-bench-'));
  return { url: join(folder, 'queue.db'), drop: () => rm(folder, { recursive: true }) };
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
