/** What the queue needs of a place to keep it. Each method is one transaction, made for many at once, and named for its move. */
import type { Address } from '../mail/address.ts';
import type { Reply } from '../mail/reply.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import type { AuditStore } from './audit.ts';
import type { Attempt, Delivery, State } from './delivery.ts';
import type { Message, NewMessage, Priority } from './message.ts';
import type { Rate } from './rate.ts';
import type { Reason } from './reason.ts';
import type { RelayStore } from './relay-store.ts';
import type { WebhookStore } from './webhook.ts';

/** What became of one submitted message. `duplicate`: a message with this key was there already; `id` is the first one's. */
export interface Inserted {
  readonly id: Id;
  readonly duplicate: boolean;
  /** Of a duplicate: the Message-ID of the first message, and whether that one had another content or other recipients. */
  readonly first?: { readonly messageId: string; readonly differs: boolean };
  /** All its deliveries were claimed as they were inserted, by the `Take` of their relay. */
  readonly token?: Token;
  /** Its recipients that are suppressed, where there are any: they get nothing. */
  readonly suppressed?: readonly Address[];
}

/** Names one claim and fences every write that follows it. Opaque: only the store that made it reads it. */
export type Token = string;

export interface ClaimRequest {
  readonly relay: string;
  /** Deliveries, at most; a message whose due deliveries do not all fit is shared between claims. */
  readonly limit: number;
  /** Messages, at most; default: as many as their deliveries allow. */
  readonly messages?: number;
  readonly now: Instant;
  /** End of the lease. */
  readonly until: Instant;
  /** Node id of the worker, shown to people. */
  readonly holder: Id;
  /**
   * Deliveries of the relay that all processes together may claim in a span of time. What was claimed is spent until it is released,
   * or settled as `unbegun`. What was tried stays spent, whatever came of it: the relay may have counted it.
   */
  readonly rates?: readonly Rate[];
  /** The relay to whose counts `rates` belong, when another one than `relay` sends. */
  readonly ratesOf?: string;
  /**
   * Another relay sends in the place of this one: its faults are no hindrance and its probe is left alone, but not a pause by an
   * operator. Deliveries in doubt stay. Where the one that sends (`ratesOf`) has faults itself, this is its probe.
   */
  readonly standIn?: true;
}

/** What came of a claim. */
export interface Claimed {
  readonly claims: readonly Claim[];
  /** Those that ended in place of an attempt. */
  readonly suppressed: readonly SuppressedDelivery[];
  /** The relay that sends has faults, met by this process or another, and this is its probe: a success ends them. */
  readonly probe: boolean;
  /** Of the relay whose mail it is: see `RelayState`. */
  readonly shareChanges: number;
}

/** A delivery that ended because its recipient is suppressed. */
export interface SuppressedDelivery {
  readonly id: Id;
  readonly recipient: Address;
  readonly entry: Suppression;
}

/** A worker's wish for new messages of its relay: to be claimed in the transaction that inserts them. */
export interface Take {
  readonly relay: string;
  /** Deliveries, at most. */
  readonly limit: number;
  /** End of the lease. */
  readonly until: Instant;
  /** Node id of the worker. */
  readonly holder: Id;
}

/** Deliveries of one message that were claimed together: one transaction on the wire. All are `sending`, their attempt counted. */
export interface Claim {
  readonly token: Token;
  readonly message: Message;
  readonly deliveries: readonly Delivery[];
  /** The whole content where it is one row; undefined: read it with `contentChunk`. */
  readonly content: Uint8Array | undefined;
}

/** The end of one claimed delivery's attempt: what `settle()` decided, to be written when the token still holds. */
export interface Settlement {
  readonly token: Token;
  readonly id: Id;
  readonly ordinal: number;
  readonly state: Exclude<State, 'sending' | 'cancelled'>;
  readonly reason: Reason | null;
  readonly dueAt: Instant;
  /** True gives the attempt back that the claim counted. */
  readonly giveBack: boolean;
  /** The relay never heard of it: what it took of rates is given back too. */
  readonly unbegun?: true;
  readonly reply: Reply | null;
  readonly inDoubt: boolean;
  /** The relay that may have it, where that is another one than the delivery's: only there it is known for a copy, so it belongs there from then on. */
  readonly relay?: string;
  readonly delayReported: boolean;
  /** The line of the log; null when nothing was tried. */
  readonly attempt: Omit<Attempt, 'ordinal'> | null;
}

/** Settlements that stand or fall together with the reports they owe. */
export interface SettleGroup {
  readonly settlements: readonly Settlement[];
  readonly reports: readonly NewMessage[];
  /** They may be written already, by a call that failed: then they hold as they did there. */
  readonly again?: true;
}

/** A message some of whose deliveries have waited so long that its sender is owed word. */
export interface LateMessage {
  readonly message: Message;
  readonly deliveries: readonly Delivery[];
}

/** Word of a delay, with all the deliveries it names: they stand or fall together. */
export interface DelayReport {
  readonly deliveries: readonly Pick<Delivery, 'id' | 'ordinal'>[];
  readonly report: NewMessage;
}

/** Which deliveries. All given conditions must hold; an empty filter is all of them. */
export interface Filter {
  readonly ids?: readonly Id[];
  /** Ids from this to that one, both included; any 32 hexadecimal digits with the dashes of an id. */
  readonly idFrom?: string;
  readonly idTo?: string;
  readonly states?: readonly State[];
  readonly reason?: Reason;
  readonly relay?: string;
  /** Whole address, or `@domain`; compared without case. */
  readonly recipient?: string;
  /** Whole address, `@domain`, or `<>`. */
  readonly sender?: string;
  /** With its angle brackets. */
  readonly messageId?: string;
  /** A part of the subject, compared without case. */
  readonly subject?: string;
  readonly tag?: string;
  /** Words, all of which must occur: in the subject, an address, the Message-ID, the tags, the metadata or the last reply; compared without case. */
  readonly text?: string;
  /** The submitter's idempotency key. */
  readonly key?: string;
  readonly createdBefore?: Instant;
  readonly createdAfter?: Instant;
  /** The state was last written before this. */
  readonly changedBefore?: Instant;
  /** The state was last written after this. */
  readonly changedAfter?: Instant;
  /** `queued` ones that have been tried at least once. */
  readonly deferred?: boolean;
  readonly inDoubt?: boolean;
  /** Only reports that posthaste wrote itself. */
  readonly reports?: true;
}

/** One line of a list: a delivery with what people look for of its message. */
export interface Listed extends Delivery {
  readonly sender: Message['sender'];
  readonly messageId: string;
  readonly subject: string | null;
  readonly size: number;
  /** For a report: the message it is about. */
  readonly reportOn: Id | null;
  readonly tags: readonly string[];
}

/** The order is that of the message ids, and so nearly that of submission; `oldest` is exactly the other way round. Default `newest`. */
export interface PageRequest {
  /** Deliveries, at most. */
  readonly limit: number;
  readonly cursor?: string;
  readonly order?: 'newest' | 'oldest';
}

/** Pass `cursor` back for the next page; null: there is none. */
export interface Page {
  readonly rows: readonly Listed[];
  readonly cursor: string | null;
}

/** A message with everything that is known of it but its content. */
export interface Found {
  readonly message: Message;
  readonly deliveries: readonly Delivery[];
  /** Oldest first. */
  readonly attempts: readonly Attempt[];
  readonly contentKept: boolean;
}

/** An entry of the list of those who get no mail. */
export interface Suppression {
  /** An address, or `@domain`; kept in lower case, its domain in ASCII. */
  readonly target: string;
  readonly reason: string;
  readonly since: Instant;
  /** null: for good. */
  readonly until: Instant | null;
  readonly note: string | null;
}

/** Sums for people and monitors. `oldestDue` is the smallest due time among queued deliveries that are due. */
export interface Counts {
  readonly states: Readonly<Record<State, number>>;
  /** Of the queued ones: tried at least once. */
  readonly deferred: number;
  readonly inDoubt: number;
  /** Reports that were given up in the last 24 hours: nobody was told what they say. */
  readonly lostReports: number;
  readonly oldestDue: Instant | null;
  /** Deliveries of a lower priority that are due, where some of a higher one are due as well: null where there are none. */
  readonly overtaken: Overtaken | null;
}

/** The longest waiting deliveries that others go before. */
export interface Overtaken {
  readonly relay: string;
  readonly priority: Priority;
  readonly since: Instant;
}

/** What happened in one span of time, in so far as it is still kept. */
export interface Flow {
  /** The begin of the span. */
  readonly at: Instant;
  /** Messages that came. */
  readonly accepted: number;
  /** How long the oldest of what waited at the end of the span had waited then (ms), as far as that is still kept; 0: nothing did. */
  readonly oldest: number;
  /** Deliveries that are in this state since then, as the three behind it. */
  readonly sent: number;
  readonly captured: number;
  readonly bounced: number;
  readonly cancelled: number;
}

export interface Store extends AuditStore, RelayStore, WebhookStore {
  /**
   * Messages, deliveries and contents become durable together; staged chunks become theirs. Recipients that are suppressed
   * at `now` start as bounced/suppressed. A key that is taken makes that message a duplicate and leaves no trace of it.
   *
   * `takes`, one for a relay, makes messages start as sending, their attempt counted: those that a claim would have given next. That
   * is, the relay has neither pause, rest nor faults, nothing that is due waits for it, and all of the message goes there now, in one
   * piece of content and with nobody suppressed. What does not fit, and what comes after it, starts as queued.
   */
  insert(messages: readonly NewMessage[], now: Instant, takes?: readonly Take[]): Promise<readonly Inserted[]>;
  /** Keeps one chunk of a content that is too large for memory, before its message is inserted. Chunks count from 0. */
  stage(id: Id, sequence: number, bytes: Uint8Array, now: Instant): Promise<void>;
  /** Drops what was staged for a message that will not come. */
  unstage(id: Id): Promise<void>;

  /**
   * queued -> sending, in strict order of priority and then of due time, never past a pause of the relay, and nothing whose `expiresAt` has come. A relay with faults
   * gives one message to one caller, and no other until `until`: the first that is no suspect, also in the relay's pause where only few
   * messages have met the faults (`isFewMessages()`). One that rests gives nothing. Those meanwhile suppressed become bounced/suppressed
   * instead and cost nothing of the rates.
   */
  claim(request: ClaimRequest): Promise<Claimed>;
  /** queued -> sending for deliveries of any relay, paused or not, whose `expiresAt` has come: to be settled as expired. Contents come as with `claim`. */
  claimExpired(request: Omit<ClaimRequest, 'relay'>): Promise<readonly Claim[]>;
  /**
   * Messages with deliveries that are queued, but not for a person to ask for, and whose `delayReportAt` has come unreported; the
   * longest waiting first, at most `limit`. Claims nothing: they may be sent meanwhile.
   */
  late(now: Instant, limit: number): Promise<readonly LateMessage[]>;
  /** Marks deliveries as reported, together with their report; says which reports took. One of whose deliveries any is no longer queued and unreported does not. */
  reportDelays(reports: readonly DelayReport[], now: Instant): Promise<readonly boolean[]>;
  /** Moves the lease of those claims that still hold to `until`; says which ones do. */
  renew(tokens: readonly Token[], until: Instant): Promise<readonly Token[]>;
  /** sending -> what each settlement says, with its log line and reports; for each group, for each settlement: whether the token still held. A group of which no token held inserts no report. All groups are written, or none: whoever settles for many tries each group alone when it throws. */
  settle(groups: readonly SettleGroup[], now: Instant): Promise<readonly (readonly boolean[])[]>;
  /** sending -> queued, attempt given back, and what it took of rates: the orderly way out of what was not begun. Returns how many deliveries. */
  release(tokens: readonly Token[], now: Instant): Promise<number>;
  /**
   * sending -> queued where the lease has run out, or where one of the nodes `dead` holds it, whose processes are known to be gone.
   * The attempt stays counted and is logged as crashed; how far it had come nobody knows, so it is in doubt. Due again `delays[n]` ms after the n+1st such end of an attempt (the last
   * one repeats); 0 leaves it due as it was. Returns how many deliveries.
   */
  reclaim(now: Instant, dead: readonly Id[], delays: readonly number[]): Promise<number>;
  /** The next time at which something of this relay is due, without regard to pauses; null when nothing waits. */
  nextDue(relay: string): Promise<Instant | null>;

  /**
   * An operator's move: every delivery that the filter names and whose state may move to `to` does. To queued: due at `now`,
   * in doubt cleared, priority `deferred` becomes medium; for what did not wait for its next attempt expiry moved on to at least `expiresAt`. Returns how many; `dryRun` only counts.
   */
  move(filter: Filter, to: 'queued' | 'held' | 'cancelled', options: MoveOptions): Promise<number>;

  /**
   * Gives deliveries that are queued or held and fit the filter to another relay; nothing else about them changes. Those in doubt
   * stay where they are unless the filter names them (`inDoubt: true`): another relay cannot know them for copies. Returns how many changed.
   */
  reroute(filter: Filter, relay: string, options: RerouteOptions): Promise<number>;

  find(filter: Filter, page: PageRequest): Promise<Page>;
  /** The id of the delivery that stands `limit` places behind the cursor, whatever it is; null: there are fewer. */
  edge(page: PageRequest): Promise<Id | null>;
  /**
   * Deliveries whose state was written at `since` or later, in the order of these times, as they are now: what has ended, what is held,
   * and what is queued after an attempt. What is new, or being sent, is not among them.
   */
  changed(since: Instant, page: Omit<PageRequest, 'order'>): Promise<Page>;
  get(id: Id): Promise<Found | null>;
  /** One chunk of a content, from 0; null behind the last, or when the content is gone. */
  contentChunk(id: Id, sequence: number): Promise<Uint8Array | null>;
  count(filter: Filter): Promise<number>;
  counts(now: Instant): Promise<Counts>;
  /** What came and went in each of `spans` spans of `width` ms from `from` on. */
  flow(from: Instant, width: number, spans: number): Promise<readonly Flow[]>;
  /** When a relay last took a delivery that is still kept; null: none is. */
  lastSent(): Promise<Instant | null>;
  /** Removes messages all of whose deliveries have ended, fit the filter and changed before it; at most `limit` messages a call. Returns how many messages. */
  purge(filter: Filter & { readonly changedBefore: Instant }, limit: number): Promise<number>;
  /** How many messages `purge` would remove. */
  purgeable(filter: Filter & { readonly changedBefore: Instant }): Promise<number>;
  /** Drops contents of at most `limit` messages that do not keep theirs, all of whose deliveries have ended. Returns how many. None of these deliveries can be queued again. */
  dropContents(limit: number): Promise<number>;
  /** Drops what was staged before that time and never inserted. Returns how many contents. */
  sweepStaged(before: Instant): Promise<number>;

  /** A target that is in the list already gets the new entry. */
  suppress(entries: readonly Suppression[]): Promise<void>;
  /** Returns how many were in the list. */
  unsuppress(targets: readonly string[]): Promise<number>;
  /** What suppresses each of the recipients at `now`; null: nothing does. */
  suppressing(recipients: readonly Address[], now: Instant): Promise<readonly (Suppression | null)[]>;
  /** In the order of their targets, also those whose `until` is over; `contains`: only targets with this part, as `partKey` gives it. */
  suppressions(page: {
    readonly limit: number;
    readonly cursor?: string;
    readonly contains?: string;
  }): Promise<{ readonly rows: readonly Suppression[]; readonly cursor: string | null }>;

  /** Changes when another process may have written: a cheap thing to ask before a full look. */
  changeMark(): Promise<number>;
  /**
   * Where the database can say so: calls back at once when another process wrote what may be work, sometimes in vain, and seldom not.
   * Returns the way to end that.
   */
  readonly onNews?: ((wake: () => void) => () => void) | undefined;
  /**
   * How often this process has found the database gone. What was written before and may be lost with the power, as claims are, may be lost
   * then: a renewal says which claims still hold. Absent: never.
   */
  readonly losses?: (() => number) | undefined;
  close(): Promise<void>;
}

export interface MoveOptions {
  readonly now: Instant;
  readonly expiresAt: Instant;
  /** No sooner than this is the sender told that what did not wait until now is delayed; absent: as it was. */
  readonly delayReportAt?: Instant;
  readonly dryRun?: boolean;
}

export interface RerouteOptions {
  readonly dryRun?: boolean;
}
