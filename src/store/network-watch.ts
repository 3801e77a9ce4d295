/** Tells a server that is slow from one that is away: the first answers a new connection, the second must not keep anybody waiting. */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { Result, Value } from './database.ts';
import type { Server, Session } from './network-session.ts';

/** A statement of whose answer nothing came for so long makes us ask, ms. */
const SLOW = 300;
/** So long may the server take to answer a new connection, ms: with the above, callers hear within a second that it is away. */
const ANSWER = 500;
/** After it answered it is not asked again for so long, ms. */
const TRUST = 1_000;

/** When the last of a session's octets were seen to come, and how many there were. */
interface Sign {
  readonly at: number;
  readonly octets: number;
}

export class Watch {
  readonly #server: Server;
  readonly #onAway: () => void;
  readonly #busy = new Map<Watched, Sign>();
  #timer: NodeJS.Timeout | undefined;
  #trustedUntil = 0;

  /** `onAway` is called when sessions were given up. */
  constructor(server: Server, onAway: () => void) {
    this.#server = server;
    this.#onAway = onAway;
  }

  over(session: Session): Session {
    return new Watched(session, this);
  }

  begin(session: Watched): void {
    this.#busy.set(session, { at: performance.now(), octets: session.octets });
    this.#timer ??= setTimeout(() => void this.#look(), SLOW);
  }

  end(session: Watched): void {
    this.#busy.delete(session);
    if (this.#busy.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    const slow = this.#silentFor(SLOW);
    if (performance.now() > this.#trustedUntil && slow.length > 0) {
      if (await this.#answers()) this.#trustedUntil = performance.now() + TRUST;
      else this.#giveUp(slow);
    }
    this.#timer = this.#busy.size === 0 ? undefined : setTimeout(() => void this.#look(), SLOW);
  }

  /** A long answer on a narrow way keeps a new connection from being heard, and is itself the sign that the server is there. */
  #silentFor(ms: number): readonly Watched[] {
    const now = performance.now();
    for (const [session, { octets }] of this.#busy)
      if (session.octets !== octets) this.#busy.set(session, { at: now, octets: session.octets });
    return [...this.#busy].filter(([, { at }]) => at <= now - ms).map(([session]) => session);
  }

  /** Those that were slow before the server was asked, and of which nothing has come meanwhile. */
  #giveUp(slow: readonly Watched[]): void {
    const silent = this.#silentFor(SLOW);
    const lost = slow.filter((session) => silent.includes(session));
    if (lost.length === 0) return;
    this.#onAway();
    for (const session of lost) void session.end();
  }

  async #answers(): Promise<boolean> {
    const answer = this.#server.connect().then(
      (session) => session.end().then(() => true),
      (error: unknown) => this.#server.isFull(error),
    );
    const silence = sleep(ANSWER, undefined, { ref: false }).then(async () => {
      // Where this process was held up itself, the answer may have come already and not been read.
      await turn();
      await turn();
      return false;
    });
    return Promise.race([answer, silence]);
  }
}

class Watched implements Session {
  readonly #session: Session;
  readonly #watch: Watch;

  constructor(session: Session, watch: Watch) {
    this.#session = session;
    this.#watch = watch;
  }

  get usable(): boolean {
    return this.#session.usable;
  }

  get octets(): number {
    return this.#session.octets;
  }

  query(sql: string, values: readonly Value[]): Promise<Result> {
    return this.#timed(this.#session.query(sql, values));
  }

  run(sql: string): Promise<void> {
    return this.#timed(this.#session.run(sql));
  }

  hold(active: boolean): void {
    this.#session.hold(active);
  }

  end(): Promise<void> {
    return this.#session.end();
  }

  async #timed<T>(answer: Promise<T>): Promise<T> {
    this.#watch.begin(this);
    try {
      return await answer;
    } finally {
      this.#watch.end(this);
    }
  }
}
