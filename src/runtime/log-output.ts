/** The log on standard output: JSON for programs, readable on a terminal. */
import { type DestinationStream, destination, type Logger, pino } from 'pino';
import type { Log } from './log.ts';

type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

interface LogOptions {
  readonly level: LogLevel;
  /** `pretty` for people, `json` for programs. */
  readonly format: 'json' | 'pretty';
}

/** A log on standard output; `flush` writes what is still buffered, before the process ends. */
export async function openLog(options: LogOptions): Promise<Log & { flush(): void }> {
  const stream: FlushedStream = options.format === 'pretty' ? await prettyStream() : destination({ sync: false });
  const logger: Logger = pino({ level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream);
  return Object.assign(logger, { flush: () => stream.flushSync?.() });
}

/** Only a terminal needs it, and it takes as long to load as all the rest of the log. */
async function prettyStream(): Promise<FlushedStream> {
  const { default: pretty } = await import('pino-pretty');
  return pretty({ sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l', singleLine: true });
}

type FlushedStream = DestinationStream & { readonly flushSync?: () => void };
