/** The audit trail: who changed what, when, and what came of it, kept with the queue. */
import type { Clock, Instant } from '../runtime/clock.ts';
import { type Id, newId } from '../runtime/id.ts';
import type { Log } from '../runtime/log.ts';

/** How somebody came to act: by a login over HTTP, by a command, by the library; or they are not known. */
export const ACTOR_ROLES = ['operator', 'viewer', 'command', 'library', 'unknown'] as const;
export type ActorRole = (typeof ACTOR_ROLES)[number];

/** Who acts. */
export interface Actor {
  /** A login, or `user@host` of a process. */
  readonly name: string;
  readonly role: ActorRole;
  /** The address of a client; null: it is this machine's. */
  readonly from: string | null;
}

/** All kinds of deeds that are written down. */
export const DEEDS = [
  'hold',
  'release',
  'retry',
  'cancel',
  'reroute',
  'pause',
  'resume',
  'suppress',
  'suppress import',
  'unsuppress',
  'purge',
  'login',
  'webhook resend',
  'webhook enable',
  'webhook test',
] as const;
export type DeedKind = (typeof DEEDS)[number];

/** What somebody does. */
export interface Deed {
  readonly action: DeedKind;
  /** Which: a filter, ids, a relay. */
  readonly what: Readonly<Record<string, unknown>>;
  /** Why, where they said so. */
  readonly reason?: string | null | undefined;
}

/** `begun` stays where the process ended before the deed did: part of it may be done. */
export const AUDIT_RESULTS = ['begun', 'done', 'failed'] as const;
export type AuditResult = (typeof AUDIT_RESULTS)[number];

export interface AuditRecord {
  readonly id: Id;
  readonly at: Instant;
  readonly by: string;
  readonly role: ActorRole;
  readonly from: string | null;
  readonly action: string;
  readonly what: Readonly<Record<string, unknown>>;
  readonly reason: string | null;
  /** Deliveries, entries, messages or relays; null: not known yet, or not to be counted. */
  readonly count: number | null;
  readonly result: AuditResult;
  /** Why it failed. */
  readonly error: string | null;
}

/** Which records; all that is given must fit. */
export interface AuditFilter {
  readonly by?: string;
  readonly action?: string;
  readonly after?: Instant;
  readonly before?: Instant;
}

export interface AuditPage {
  readonly rows: readonly AuditRecord[];
  /** For the next page; null: there is none. */
  readonly cursor: string | null;
}

export type AuditEnd = Pick<AuditRecord, 'result' | 'count' | 'error'>;

/** What the audit trail needs of a place to keep it. */
export interface AuditStore {
  keepAudit(record: AuditRecord): Promise<void>;
  endAudit(id: Id, end: AuditEnd): Promise<void>;
  /** Newest first. */
  audit(filter: AuditFilter, page: { readonly limit: number; readonly cursor?: string }): Promise<AuditPage>;
  /** Removes at most `limit` records from before that time, the oldest first. Returns how many. */
  purgeAudit(before: Instant, limit: number): Promise<number>;
}

/** Of a list that is longer, the first so many are kept. */
const MOST_NAMED = 20;
/** Characters of what is kept of a deed, as JSON. */
const MAX_WHAT = 4_000;
/** Characters of a name: it stands in an index. */
const MAX_NAME = 200;
/** Characters of a reason or an error. */
const MAX_TEXT = 1_000;

export interface AuditParts {
  readonly store: AuditStore;
  readonly clock: Clock;
  readonly log: Log;
}

export class Audit {
  readonly #parts: AuditParts;

  constructor(parts: AuditParts) {
    this.#parts = parts;
  }

  /** Written down before the deed, so that none is done that nobody can find; and again when it is over. */
  async record<T>(actor: Actor, deed: Deed, work: () => Promise<T>, countOf: (done: T) => number): Promise<T> {
    const id = await this.note(actor, deed, { result: 'begun', count: null, error: null });
    try {
      const done = await work();
      await this.#end(id, { result: 'done', count: countOf(done), error: null });
      return done;
    } catch (error) {
      await this.#end(id, { result: 'failed', count: null, error: cut(textOf(error), MAX_TEXT) });
      throw error;
    }
  }

  /** One that is over. Answers with its id. */
  async note({ name, role, from }: Actor, { action, what, reason = null }: Deed, end: AuditEnd): Promise<Id> {
    const { store, clock } = this.#parts;
    const at = clock.now();
    const id = newId(at);
    const said = reason === null ? null : cut(reason, MAX_TEXT);
    await store.keepAudit({
      id,
      at,
      by: cut(name, MAX_NAME),
      role,
      from,
      action,
      what: bounded(what),
      reason: said,
      ...end,
    });
    return id;
  }

  /** What is done is done: that it could not be written must not make it look as if it were not. */
  async #end(id: Id, end: AuditEnd): Promise<void> {
    try {
      await this.#parts.store.endAudit(id, end);
    } catch (error) {
      this.#parts.log.error({ audit: id, ...end, err: error }, 'the end of an action could not be written down');
    }
  }
}

/** Ids by the thousand do not belong here. */
function bounded(what: Deed['what']): Deed['what'] {
  const some = Object.entries(what).flatMap(([key, value]) => {
    if (value === undefined) return [];
    if (!Array.isArray(value) || value.length <= MOST_NAMED) return [[key, value]];
    return [
      [key, value.slice(0, MOST_NAMED)],
      [`${key}More`, value.length - MOST_NAMED],
    ];
  });
  const result = Object.fromEntries(some) as Deed['what'];
  const text = JSON.stringify(result);
  return text.length <= MAX_WHAT ? result : { text: cut(text, MAX_WHAT) };
}

/** Never between the halves of a character, which no database takes. */
function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most).toWellFormed()}...`;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
