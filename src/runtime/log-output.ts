/** The log on standard output: JSON for programs, readable on a terminal. */
import { once } from 'node:events';
import { type DestinationStream, destination, type Logger, pino } from 'pino';
import type { Log } from './log.ts';

type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

interface LogOptions {
  readonly level: LogLevel;
  /** `pretty` for people, `json` for programs. */
  readonly format: 'json' | 'pretty';
}

/** A log that is to be ended. */
export interface EndingLog extends Log {
  /** Resolves when what is being written is, or cannot be: so that no later line comes before it. Never rejects. */
  written(): Promise<void>;
  /** Writes what is still buffered, at once, before the process ends. */
  flush(): void;
}

/** A log on standard output. */
export async function openLog(options: LogOptions): Promise<EndingLog> {
  const stream = options.format === 'pretty' ? await prettyStream() : patientStream();
  const logger: Logger = pino({ level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream);
  return Object.assign(logger, { written: () => stream.written(), flush: () => stream.flush() });
}

/** How long a standard output that takes nothing holds up the end of the process, ms. */
const LAST_WORDS = 1_000;
/** Lines that wait for a standard output which takes none, octets; more are dropped. */
const MAX_WAITING = 4 * 1024 * 1024;

/**
 * Mail goes on where nobody can write it down: a full disk under the log drops lines, and must never hold up the process. At its end
 * the writer would try for ever to be rid of what it holds, so a broken one is given up instead.
 */
function patientStream(): Flushed {
  const stream = destination({ sync: false, maxLength: MAX_WAITING });
  let broken = false;
  let busy = false;
  const write = stream.write.bind(stream);
  stream.write = (text) => {
    busy = true;
    return write(text);
  };
  stream.on('error', () => {
    broken = true;
  });
  stream.on('drain', () => {
    broken = false;
    busy = false;
  });
  const written = async (): Promise<void> => {
    if (!busy || broken) return;
    await once(stream, 'drain', { signal: AbortSignal.timeout(LAST_WORDS) }).catch(() => undefined);
  };
  const flush = (): void => {
    if (broken) stream.destroy();
    else stream.flushSync();
  };
  process.prependListener('exit', flush);
  return Object.assign(stream, { written, flush: (_done?: () => void) => flush() });
}

/** Only a terminal needs it, and it takes as long to load as all the rest of the log. */
async function prettyStream(): Promise<Flushed> {
  const { default: pretty } = await import('pino-pretty');
  const stream = pretty({ sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l', singleLine: true });
  return Object.assign(stream, { written: () => Promise.resolve(), flush: () => undefined });
}

type Flushed = DestinationStream & Pick<EndingLog, 'written' | 'flush'>;
