/** The sessions that a process has with a database server: few, used again, and made anew after they were lost. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Server, Session } from './network-session.ts';
import { Watch } from './network-watch.ts';

/** How long a caller waits for a new session while the server does not answer, ms: the client of a listener is told within a second. */
const PATIENCE = 800;
/** After the server was found to be away callers are told so at once for so long, ms. */
const AWAY = 500;
/** How long a server that is starting is waited for by a process that has not met it yet, and how often it is asked, ms. */
const STARTING = 60_000;
const ASK_AGAIN = 200;
/** After a server had no more sessions it is asked for one again only after so long, ms: others need what it can do. */
const FULL = 200;
/** How long a session that nobody needs is kept, ms. */
const IDLE = 30_000;

interface Waiting {
  readonly resolve: (session: Session) => void;
  readonly reject: (error: unknown) => void;
  readonly timer: NodeJS.Timeout;
}

export class Sessions {
  readonly #server: Server;
  readonly #watch: Watch;
  /** The one used last comes first, so that those beyond the need grow old. */
  readonly #idle: { readonly session: Session; readonly since: number }[] = [];
  readonly #waiting = new Set<Waiting>();
  #open = 0;
  /** Of the open ones: not there yet. */
  #coming = 0;
  /** Whether the server ever answered: until then there is no listener yet whose client would wait, and the driver's own patience is enough. */
  #met = false;
  #awayUntil = 0;
  #full: NodeJS.Timeout | undefined;
  #closing: (() => void) | undefined;

  constructor(server: Server) {
    this.#server = server;
    this.#watch = new Watch(server, () => {
      this.#awayUntil = performance.now() + AWAY;
    });
  }

  /** Rejects with what kept the driver from connecting. */
  take(): Promise<Session> {
    const session = this.#fromIdle();
    if (session !== undefined) return Promise.resolve(session);
    if (performance.now() < this.#awayUntil) return Promise.reject(noAnswer());
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { resolve, reject, timer: setInterval(() => this.#tire(waiting), PATIENCE) };
      this.#waiting.add(waiting);
      if (this.#mayOpen) this.#openOne();
    });
  }

  give(session: Session): void {
    const next = session.usable ? this.#next() : undefined;
    if (next !== undefined) next.resolve(session);
    else if (!session.usable || this.#closing !== undefined) this.#drop(session);
    else {
      session.hold(false);
      this.#idle.push({ session, since: performance.now() });
      this.#dropOld();
    }
  }

  /** After one session was lost the others are most likely too, and would each cost a caller its try. */
  dropIdle(): void {
    for (const { session } of this.#idle.splice(0)) this.#drop(session);
  }

  /** Waits for those that are in use. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#closing = resolve;
    });
    this.dropIdle();
    if (this.#open === 0) this.#closing?.();
    await closed;
  }

  #fromIdle(): Session | undefined {
    for (;;) {
      const session = this.#idle.pop()?.session;
      if (session === undefined) return undefined;
      if (session.usable) {
        session.hold(true);
        return session;
      }
      this.#drop(session);
    }
  }

  #dropOld(): void {
    const before = performance.now() - IDLE;
    while ((this.#idle[0]?.since ?? before) < before) this.#drop(this.#idle.shift()?.session as Session);
  }

  get #mayOpen(): boolean {
    return this.#full === undefined && this.#open < this.#server.connections;
  }

  #drop(session: Session): void {
    void session.end().then(() => {
      this.#open--;
      this.#whenFewer();
    });
  }

  #openOne(): void {
    this.#open++;
    this.#coming++;
    this.#connect().then(
      (session) => {
        this.#coming--;
        this.#awayUntil = 0;
        this.#met = true;
        this.give(this.#watch.over(session));
      },
      (error: unknown) => {
        this.#coming--;
        this.#open--;
        if (this.#open === this.#coming || !this.#server.isFull(error)) this.#refuse(error);
        else this.#pause();
        this.#whenFewer();
      },
    );
  }

  #pause(): void {
    this.#full ??= setTimeout(() => {
      this.#full = undefined;
      this.#whenFewer();
    }, FULL).unref();
  }

  /** Who starts beside the server, after a crash of their machine, would end at once, and nobody might start it again. */
  async #connect(): Promise<Session> {
    const until = performance.now() + STARTING;
    for (;;) {
      try {
        return await this.#server.connect();
      } catch (error) {
        const isNew = !this.#met && this.#closing === undefined && performance.now() < until;
        if (!isNew || !this.#server.isStarting(error)) throw error;
      }
      await sleep(ASK_AGAIN);
    }
  }

  #whenFewer(): void {
    if (this.#open === 0) this.#closing?.();
    if (this.#waiting.size > this.#coming && this.#mayOpen) this.#openOne();
  }

  #next(): Waiting | undefined {
    const [next] = this.#waiting;
    if (next !== undefined) this.#leave(next);
    return next;
  }

  #leave(waiting: Waiting): void {
    this.#waiting.delete(waiting);
    clearInterval(waiting.timer);
  }

  /** Who waits for others to finish goes on waiting; who waits for the server itself does not. */
  #tire(waiting: Waiting): void {
    if (!this.#met || this.#open > this.#coming) return;
    this.#leave(waiting);
    waiting.reject(noAnswer());
  }

  #refuse(error: unknown): void {
    for (const waiting of [...this.#waiting]) {
      this.#leave(waiting);
      waiting.reject(error);
    }
  }
}

function noAnswer(): Error {
  return new Error('the server does not answer');
}
