/** What a driver offers: sessions with its server. */
import type { Queries } from './database.ts';

/** One session with the server, whatever the driver. */
export interface Session extends Queries {
  /** Statements of the driver's own, without values. */
  run(sql: string): Promise<void>;
  /** False as soon as the connection is known to be lost. */
  readonly usable: boolean;
  /** Octets that have come so far: while they do, the server is there. What goes says nothing, the system takes it for a dead one too. */
  readonly octets: number;
  /** Whether the session keeps the process alive. */
  hold(active: boolean): void;
  /** Soon, whatever is under way, which fails. Never rejects. */
  end(): Promise<void>;
}

/** Where sessions come from. */
export interface Server {
  /** At most, at once. */
  readonly connections: number;
  connect(): Promise<Session>;
  /** The server is there and says that it will be ready: it starts, or recovers. */
  isStarting(error: unknown): boolean;
  /** The server has no more sessions for us: those that we have go on. */
  isFull(error: unknown): boolean;
}
