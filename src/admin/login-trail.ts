/** Logins in the audit trail: bounded, so that strangers who try passwords fill no disk. */
import type { Actor, Audit, DeedKind } from '../queue/audit.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Peer, Principal } from './access.ts';

/** Refused logins that are written down one by one in such a span of time, ms; the others of it are counted in one record. */
const MOST = 20;
const SPAN = 10 * 60_000;

export interface TrailParts {
  readonly audit: Audit;
  readonly clock: Clock;
  readonly log: Log;
}

export class LoginTrail {
  readonly #parts: TrailParts;
  /** Of the span that lasts; undefined: none does. */
  #span: { refused: number } | undefined;

  constructor(parts: TrailParts) {
    this.#parts = parts;
  }

  entered({ name, role }: Principal, from: Peer): void {
    this.#note({ name, role, from }, 'login', 'done', 1);
  }

  refused(name: string, from: Peer): void {
    const span = this.#span ?? this.#begin();
    if (++span.refused <= MOST) this.#note({ name, role: 'unknown', from }, 'login', 'failed', 1);
  }

  #begin(): { refused: number } {
    const span = { refused: 0 };
    this.#span = span;
    this.#parts.clock.after(SPAN, () => {
      this.#span = undefined;
      const more = span.refused - MOST;
      if (more > 0) this.#note({ name: '', role: 'unknown', from: null }, 'login', 'failed', more);
    });
    return span;
  }

  /** Nobody waits for it. */
  #note(actor: Actor, action: DeedKind, result: 'done' | 'failed', count: number): void {
    const error = result === 'failed' ? 'The name or the password is wrong.' : null;
    this.#parts.audit
      .note(actor, { action, what: {} }, { result, count, error })
      .catch((err: unknown) => this.#parts.log.error({ err, by: actor.name }, 'a login could not be written down'));
  }
}
