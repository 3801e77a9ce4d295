/** The relay of a measurement: Postfix's smtp-sink, which takes everything, throws it away and says when all has come. */
import { once } from 'node:events';
import { end, start, which } from './processes.ts';
import { freePort, untilReady } from './smtp.ts';

export interface Sink {
  readonly port: number;
  /** Resolves when all messages have come. */
  readonly all: Promise<Arrival>;
  close(): Promise<void>;
}

/** Times of `performance.now()`. Messages that came before the first look at the counter are left out of the rate. */
export interface Arrival {
  readonly firstAt: number;
  readonly countAtFirst: number;
  readonly lastAt: number;
}

/**
 * smtp-sink -M ends by itself after so many messages (Infinity: it goes on until closed); -c prints a counter, which tells
 * when the first one came.
 */
export async function openSink(messages: number, port?: number): Promise<Sink> {
  const chosen = port ?? (await freePort());
  const program = which('smtp-sink');
  if (program === undefined) throw new Error('smtp-sink is not installed');
  const limit = Number.isFinite(messages) ? ['-M', String(messages)] : [];
  const flags = ['-c', '-m', '1000', ...limit, `127.0.0.1:${chosen}`, '1000'];
  const child = start(program, asRoot() ? ['-u', 'nobody', ...flags] : flags);
  let first: { at: number; count: number } | undefined;
  child.stdout?.on('data', (bytes: Buffer) => {
    if (first !== undefined) return;
    const count = Number(/.*mesg=(\d+)/s.exec(bytes.toString('latin1'))?.[1] ?? 0);
    if (count > 0) first = { at: performance.now(), count };
  });
  const all = once(child, 'exit').then(([code]) => {
    const now = performance.now();
    if (code !== 0) throw new Error('smtp-sink ended before all messages had come');
    return { firstAt: first?.at ?? now, countAtFirst: first?.count ?? messages, lastAt: now };
  });
  all.catch(() => {});
  await untilReady(chosen, 5000);
  return { port: chosen, all, close: () => end(child) };
}

function asRoot(): boolean {
  return process.getuid?.() === 0;
}
