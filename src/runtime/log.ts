/** The log: one line per event, JSON for programs, readable on a terminal. */
import { type DestinationStream, destination, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

export type LogFields = Readonly<Record<string, unknown>>;

/** What every part may say. `event` is a short fixed text; all that varies goes into the fields, never content or secrets. */
export interface Log {
  debug(fields: LogFields, event: string): void;
  info(fields: LogFields, event: string): void;
  warn(fields: LogFields, event: string): void;
  error(fields: LogFields, event: string): void;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface LogOptions {
  readonly level: LogLevel;
  /** `pretty` for people, `json` for programs. */
  readonly format: 'json' | 'pretty';
}

/** A log on standard output; `flush` writes what is still buffered, before the process ends. */
export function openLog(options: LogOptions): Log & { flush(): void } {
  const stream: DestinationStream & { flushSync?: () => void } =
    options.format === 'pretty'
      ? pretty({ sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l', singleLine: true })
      : destination({ sync: false });
  const logger: Logger = pino({ level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream);
  return Object.assign(logger, { flush: () => stream.flushSync?.() });
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
