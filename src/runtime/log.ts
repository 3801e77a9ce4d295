/** The log as every part sees it: one line per event. */

export type LogFields = Readonly<Record<string, unknown>>;

/** What every part may say. `event` is a short fixed text; all that varies goes into the fields, never content or secrets. */
export interface Log {
  debug(fields: LogFields, event: string): void;
  info(fields: LogFields, event: string): void;
  warn(fields: LogFields, event: string): void;
  error(fields: LogFields, event: string): void;
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
