/** One run of one case with one contender: fresh queue, load, figures. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender, Running } from './contender.ts';
import type { Case } from './options.ts';
import { killTree, memoryOf, start, which } from './processes.ts';
import { type Mark, Sink } from './sink.ts';
import { freePort, measureLatencies } from './smtp.ts';

export interface Figures {
  readonly messagesPerSecond: number;
  /** Milliseconds until the 250; null where nothing was accepted while measuring. */
  readonly p50: number | null;
  readonly p99: number | null;
  /** Megabytes, the largest seen. */
  readonly memory: number;
}

/** No part of a run may take longer; a case that does is an error, not a figure. */
const LIMIT_MS = 180_000;

/** Enough messages for a p99 without doubling the time of a run. */
const MAX_LATENCY_SAMPLES = 3000;

const MEMORY_EVERY_MS = 250;

const folders = new Set<string>();

export function removeFolders(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  folders.clear();
}

export async function measure(contender: Contender, what: Case, parent: string): Promise<Figures> {
  const folder = mkdtempSync(join(parent, 'posthaste-bench-'));
  folders.add(folder);
  try {
    return await PROCEDURES[what.name](contender, what, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    folders.delete(folder);
  }
}

const PROCEDURES = { accept, drain, 'end-to-end': endToEnd } as const;

/** Nothing is tried meanwhile. First all messages by smtp-source for the rate, then some by a client that looks at the clock. */
async function accept(contender: Contender, what: Case, folder: string): Promise<Figures> {
  const running = await contender.start({ folder, relayPort: await freePort(), held: true });
  return await using(running, async () => {
    await load(running.port, what, warmUpOf(what));
    const memory = watchMemory(running.pid);
    const begun = performance.now();
    await load(running.port, what, what.messages);
    const seconds = (performance.now() - begun) / 1000;
    const latencies = await latenciesOf(running.port, what);
    return { messagesPerSecond: what.messages / seconds, ...latencies, memory: memory.stop() };
  });
}

/** The queue is filled before; the clock runs from the first message at the relay to the last. */
async function drain(contender: Contender, what: Case, folder: string): Promise<Figures> {
  const relayPort = await freePort();
  const filling = await contender.start({ folder, relayPort, held: true });
  let running = filling;
  await using({ stop: () => running.stop() }, () => load(filling.port, what, what.messages), 'on failure');
  const sink = await Sink.open(relayPort);
  try {
    running = await filling.restartOpen();
    return await using(running, () => drained(running, sink, what));
  } finally {
    await sink.close();
  }
}

async function drained(running: Running, sink: Sink, what: Case): Promise<Figures> {
  const memory = watchMemory(running.pid);
  const first = await arrived(sink, 1);
  const last = await arrived(sink, what.messages);
  const messagesPerSecond = ((last.count - first.count) / (last.at - first.at)) * 1000;
  return { messagesPerSecond, p50: null, p99: null, memory: memory.stop() };
}

/** From the first connection of a client to the last message at the relay; then the same again in small for latencies. */
async function endToEnd(contender: Contender, what: Case, folder: string): Promise<Figures> {
  const sink = await Sink.open();
  try {
    const running = await contender.start({ folder, relayPort: sink.port, held: false });
    return await using(running, async () => {
      const warmUp = warmUpOf(what);
      await load(running.port, what, warmUp);
      await arrived(sink, warmUp);
      const memory = watchMemory(running.pid);
      const begun = performance.now();
      await load(running.port, what, what.messages);
      const last = await arrived(sink, warmUp + what.messages);
      const latencies = await latenciesOf(running.port, what);
      return { messagesPerSecond: (what.messages / (last.at - begun)) * 1000, ...latencies, memory: memory.stop() };
    });
  } finally {
    await sink.close();
  }
}

/** Both get to run warm before the clock starts: compiled code here, started processes there. */
function warmUpOf(what: Case): number {
  return Math.min(1000, Math.ceil(what.messages / 2));
}

function arrived(sink: Sink, count: number): Promise<Mark> {
  return withLimit(sink.reached(count), `the relay has not got ${count} messages`);
}

/** Stops what runs when the work is done, or only when it failed. */
async function using<T>(running: Pick<Running, 'stop'>, work: () => Promise<T>, when = 'always'): Promise<T> {
  let failed = true;
  try {
    const result = await work();
    failed = false;
    return result;
  } finally {
    if (failed || when === 'always') await running.stop();
  }
}

/** The load itself: Postfix's smtp-source, one command at a time, a new connection for each message unless they are kept. */
async function load(port: number, what: Case, messages: number): Promise<void> {
  const addresses = ['-f', 'from@bench.example', '-t', 'to@bench.example'];
  const flags = ['-s', what.sessions, '-m', messages, '-l', what.size, ...addresses];
  const kept = what.keepConnections ? ['-d'] : [];
  const program = which('smtp-source');
  if (program === undefined) throw new Error('smtp-source is not installed (Debian: apt-get install postfix)');
  const child = start(program, [...kept, ...flags.map(String), `127.0.0.1:${port}`]);
  let said = '';
  child.stderr?.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  const timer = setTimeout(() => killTree(child), LIMIT_MS);
  const [code] = await once(child, 'exit');
  clearTimeout(timer);
  if (code !== 0) throw new Error(`smtp-source failed: ${said.trim() || `it took more than ${LIMIT_MS / 1000} s`}`);
}

async function latenciesOf(port: number, what: Case): Promise<{ p50: number; p99: number }> {
  const messages = Math.min(what.messages, MAX_LATENCY_SAMPLES);
  const latencies = await withLimit(measureLatencies({ port, ...what, messages }), 'the messages were not accepted');
  const sorted = latencies.toSorted((a, b) => a - b);
  return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) };
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Largest memory of a process tree until `stop`. */
function watchMemory(pid: number): { stop(): number } {
  let largest = memoryOf(pid);
  const look = (): number => {
    largest = Math.max(largest, memoryOf(pid));
    return largest;
  };
  const timer = setInterval(look, MEMORY_EVERY_MS);
  return {
    stop() {
      clearInterval(timer);
      return look();
    },
  };
}

async function withLimit<T>(work: Promise<T>, complaint: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${complaint} within ${LIMIT_MS / 1000} s`)), LIMIT_MS);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
