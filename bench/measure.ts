/** One run of one case with one contender: fresh queue, load, figures. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender, Running } from './contender.ts';
import { quantile } from './figures.ts';
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

/**
 * Load before the clock starts, in portions, at least this long: processes get started there, and code gets compiled here, which after 4 s of
 * load on two busy cores takes, with the collection of garbage, 7 % of all their time still, and after 24 s 3 %.
 */
const WARM_UP_MS = 16_000;
/** How long the measured load is meant to take, by the rate of the last portion of the warm-up. */
const MEASURED_MS = 8000;
/** Messages in one portion, for each session, and in a measured load. */
const PORTION = { least: 300, perSession: 20 } as const;
const MEASURED = { least: 500, most: 60_000 } as const;

/** Enough messages for a p99 without doubling the time of a run. */
function latencySamples({ sessions }: Case): number {
  return sessions === 1 ? 1000 : 3000;
}

const MEMORY_EVERY_MS = 1000;

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
    const { messages } = await warmUp(running.port, what);
    const memory = watchMemory(running.pid);
    const begun = performance.now();
    await load(running.port, what, messages);
    const seconds = (performance.now() - begun) / 1000;
    const latencies = await latenciesOf(running.port, what);
    return { messagesPerSecond: messages / seconds, ...latencies, memory: memory.stop() };
  });
}

/** The queue is filled before; the clock runs from the first message at the relay to the last. */
async function drain(contender: Contender, what: Case, folder: string): Promise<Figures> {
  const relayPort = await freePort();
  const filling = await contender.start({ folder, relayPort, held: true });
  let running = filling;
  const messages = drainedBy(what);
  await using({ stop: () => running.stop() }, () => load(filling.port, what, messages), 'on failure');
  const sink = await Sink.open(folder, relayPort);
  try {
    running = await filling.restartOpen();
    return await using(running, () => drained(running, sink, messages));
  } finally {
    await sink.close();
  }
}

async function drained(running: Running, sink: Sink, messages: number): Promise<Figures> {
  const memory = watchMemory(running.pid);
  const first = await arrived(sink, 1);
  const last = await arrived(sink, messages);
  const messagesPerSecond = ((last.count - first.count) / (last.at - first.at)) * 1000;
  return { messagesPerSecond, p50: null, p99: null, memory: memory.stop() };
}

/** From the first connection of a client to the last message at the relay; then the same again in small for latencies. */
async function endToEnd(contender: Contender, what: Case, folder: string): Promise<Figures> {
  const sink = await Sink.open(folder);
  try {
    const running = await contender.start({ folder, relayPort: sink.port, held: false });
    return await using(running, async () => {
      const { sent, messages } = await warmUp(running.port, what, (count) => arrived(sink, count));
      const memory = watchMemory(running.pid);
      const begun = performance.now();
      await load(running.port, what, messages);
      const last = await arrived(sink, sent + messages);
      const latencies = await latenciesOf(running.port, what);
      return { messagesPerSecond: (messages / (last.at - begun)) * 1000, ...latencies, memory: memory.stop() };
    });
  } finally {
    await sink.close();
  }
}

/**
 * Both get to run warm before the clock starts. Each then gets as many messages as it takes in the same time: with a number alike
 * for both, the faster one would be measured over a moment only. `settled` waits until so many have gone through.
 */
async function warmUp(
  port: number,
  what: Case,
  settled: (sent: number) => Promise<unknown> = async () => undefined,
): Promise<{ readonly sent: number; readonly messages: number }> {
  const portion = Math.max(PORTION.least, PORTION.perSession * what.sessions);
  const end = performance.now() + WARM_UP_MS;
  for (let sent = portion; ; sent += portion) {
    const begun = performance.now();
    await load(port, what, portion);
    await settled(sent);
    const now = performance.now();
    if (now < end) continue;
    const fitting = Math.round((portion / (now - begun)) * MEASURED_MS);
    return { sent, messages: what.messages ?? Math.max(MEASURED.least, Math.min(MEASURED.most, fitting)) };
  }
}

/** A drain begins cold, as after a restart, and its queue must be filled first. */
function drainedBy({ messages, sessions }: Case): number {
  return messages ?? (sessions < 50 ? 5000 : 10_000);
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
  const messages = Math.min(what.messages ?? Number.POSITIVE_INFINITY, latencySamples(what));
  const latencies = await withLimit(measureLatencies({ port, ...what, messages }), 'the messages were not accepted');
  return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) };
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
