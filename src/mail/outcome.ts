/** What came of one attempt for one recipient. */
import type { Reply } from './reply.ts';

/**
 * Whom a failure concerns. `relay`: the way to it, or the account there; every message would have met it.
 * `message`: sender, size or content, for all recipients. `recipient`: that one alone.
 */
export type Scope = 'relay' | 'message' | 'recipient';

export type Outcome =
  /** The relay took responsibility. `dsn`: it offers DSN, so a report of success that was asked for is its duty now (RFC 3461 5.2). */
  | { readonly kind: 'sent'; readonly reply: Reply; readonly dsn?: boolean }
  /** Kept on this machine on purpose; nothing was handed to anybody. */
  | { readonly kind: 'captured'; readonly reply: Reply }
  /**
   * May work later. `inDoubt`: the connection broke after the final dot and before its reply, so it may have been taken. `login`:
   * a fault of the relay that concerns this login alone, given as its sender or `@domain`; other senders' mail goes on. `during`: a
   * fault of the relay that came when a transaction had begun, so that not every message may meet it: it was answered to this one, and
   * where one recipient was asked about to this recipient (`own`), or to another recipient or message on the way (`other`).
   */
  | {
      readonly kind: 'deferred';
      readonly scope: Scope;
      readonly reply: Reply;
      readonly inDoubt: boolean;
      readonly login?: string;
      readonly during?: 'own' | 'other';
    }
  /** Will not work, ever. `inDoubt`: a hook gave up what may have been taken. */
  | {
      readonly kind: 'refused';
      readonly scope: 'message' | 'recipient';
      readonly reply: Reply;
      readonly inDoubt?: boolean;
    };
