/** What a measurement needs of a mail queue: to run it on a folder of its own, with its way out open or held. */

export interface Contender {
  readonly name: 'posthaste' | 'postfix' | 'floor';
  /** As it calls itself. */
  version(): string;
  /** Starts with an empty queue; resolves when it greets. */
  start(setting: Setting): Promise<Running>;
}

export interface Setting {
  /** An empty folder; the caller removes it. */
  readonly folder: string;
  readonly relayPort: number;
  /** Mail is accepted and kept, and nothing is tried. */
  readonly held: boolean;
}

export interface Running {
  readonly port: number;
  /** Root of its process tree. */
  readonly pid: number;
  /** Ends it in an orderly way, lets held mail go and starts it again. */
  restartOpen(): Promise<Running>;
  stop(): Promise<void>;
}

/** A process starts within this time or the measurement fails. */
export const START_MS = 20_000;
