/** What the queue needs of a place to keep it. Each method is one transaction, made for many at once, and named for its move. */
import type { Reply } from '../mail/reply.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import type { Attempt, Delivery, State } from './delivery.ts';
import type { Message, NewMessage } from './message.ts';
import type { Pace, Strain } from './pace.ts';
import type { Rate } from './rate.ts';
import type { Reason } from './reason.ts';

/** What became of one submitted message. `duplicate`: a message with this key was there already; `id` is the first one's. */
export interface Inserted {
  readonly id: Id;
  readonly duplicate: boolean;
  /** All its deliveries were claimed as they were inserted, by the `Take` of their relay. */
  readonly token?: Token;
}

/** Names one claim and fences every write that follows it. Opaque: only the store that made it reads it. */
export type Token = string;

export interface ClaimRequest {
  readonly relay: string;
  /** Deliveries, at most; a message whose due deliveries do not all fit is shared between claims. */
  readonly limit: number;
  readonly now: Instant;
  /** End of the lease. */
  readonly until: Instant;
  /** Node id of the worker, shown to people. */
  readonly holder: Id;
  /**
   * Deliveries of the relay that all processes together may claim in a span of time. What was claimed is spent, also when it is
   * released: the relay may have counted it.
   */
  readonly rates?: readonly Rate[];
  /** The relay to whose counts `rates` belong, when another one than `relay` sends. */
  readonly ratesOf?: string;
  /**
   * Another relay sends in the place of this one: its faults are no hindrance and its probe is left alone, but not a pause by an
   * operator. Deliveries in doubt stay. Whether the one that sends is itself well is the caller's to see.
   */
  readonly standIn?: true;
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
  readonly reply: Reply | null;
  readonly inDoubt: boolean;
  readonly delayReported: boolean;
  /** The line of the log; null when nothing was tried. */
  readonly attempt: Omit<Attempt, 'ordinal'> | null;
}

/** Settlements that stand or fall together with the reports they owe. */
export interface SettleGroup {
  readonly settlements: readonly Settlement[];
  readonly reports: readonly NewMessage[];
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
  readonly createdBefore?: Instant;
  readonly createdAfter?: Instant;
  /** The state was last written before this. */
  readonly changedBefore?: Instant;
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

/** Newest first by message id; pass `cursor` back for the next page. */
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

/** What all workers on the database share about a relay. A relay nobody has written or noted anything about is absent and healthy. */
export interface RelayState {
  readonly relay: string;
  /** Stopped by an operator until resumed. */
  readonly pausedAt: Instant | null;
  readonly pausedBy: string | null;
  /** Faults in a row, 0 when healthy; while above 0, one probe at a time goes out. */
  readonly faults: number;
  /** When the first of these faults was seen. */
  readonly faultSince: Instant | null;
  /** No attempt before this. */
  readonly probeAt: Instant | null;
  readonly lastFault: Reply | null;
  /** The rates were used up by the last claim: when they let the next delivery go. It may lie in the past. */
  readonly limitedUntil: Instant | null;
  /** It said that it was too much, and has not been sped up to its limit since; null: all connections of the settings. */
  readonly pace: Pace | null;
  /** Since when servers have worked with it; null when none has said so. */
  readonly knownSince: Instant | null;
}

/** A process that works on this database. */
export interface Node {
  readonly id: Id;
  readonly host: string;
  /** Where `pid` means something: the same text in two nodes says that one can see whether the other's process lives. */
  readonly place: string;
  readonly pid: number;
  /** What it does: 'serve', 'work', 'library'. */
  readonly role: string;
  readonly startedAt: Instant;
  readonly seenAt: Instant;
}

/** What a process tells of its connections to a relay, and asks for. */
export interface ShareRequest {
  readonly relay: string;
  /** Connections that all processes together may have, as the settings of this one say. */
  readonly limit: number;
  /** What stands, or may come to stand without asking again: the answer never takes it away, it only asks to give it up. */
  readonly held: number;
  /** The most that stood at once since the last time. */
  readonly used: number;
  /** Mail succeeded that was begun after the pace last changed. */
  readonly succeeded: boolean;
  /** End of the lease: until then nobody else gets these connections, and after it this process must have none. */
  readonly until: Instant;
}

export interface Share {
  /** Connections that the process may have from now on. */
  readonly connections: number;
  /** False: it has more than its part, or others do, so it should ask again soon. */
  readonly settled: boolean;
  readonly pace: Pace | null;
}

/** What a process knows when a relay says that it is too much. */
export interface StrainReport extends Strain {
  readonly node: Id;
  readonly limit: number;
  /** Connections of this process: the most that stood at once since its last heartbeat. */
  readonly used: number;
  readonly now: Instant;
}

export interface Suppression {
  /** An address, or `@domain`; kept in lower case. */
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
}

export interface Store {
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
   * queued -> sending, in strict order of priority and then of due time, never past a pause of the relay. A relay with faults
   * gives one message to one caller, and no other until `until`; one that rests gives nothing. Those meanwhile suppressed become bounced/suppressed instead and cost
   * nothing of the rates.
   */
  claim(request: ClaimRequest): Promise<readonly Claim[]>;
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
  /** sending -> what each settlement says, with its log line and reports; for each group, for each settlement: whether the token still held. A group of which no token held inserts no report. */
  settle(groups: readonly SettleGroup[], now: Instant): Promise<readonly (readonly boolean[])[]>;
  /** sending -> queued, attempt given back: the orderly way out. Returns how many deliveries. */
  release(tokens: readonly Token[], now: Instant): Promise<number>;
  /**
   * sending -> queued where the lease has run out, or where one of the nodes `dead` holds it, whose processes are known to be gone.
   * The attempt stays counted and is logged as crashed. Due again `delays[n]` ms after the n+1st such end of an attempt (the last
   * one repeats); 0 leaves it due as it was. Returns how many deliveries.
   */
  reclaim(now: Instant, dead: readonly Id[], delays: readonly number[]): Promise<number>;
  /** The next time at which something of this relay is due, without regard to pauses; null when nothing waits. */
  nextDue(relay: string): Promise<Instant | null>;

  /**
   * An operator's move: every delivery that the filter names and whose state may move to `to` does. To queued: due at `now`,
   * in doubt cleared, expiry moved on to at least `expiresAt`, priority `deferred` becomes medium. Returns how many; `dryRun` only counts.
   */
  move(filter: Filter, to: 'queued' | 'held' | 'cancelled', options: MoveOptions): Promise<number>;

  /**
   * Gives deliveries that are queued or held and fit the filter to another relay; nothing else about them changes. Those in doubt
   * stay where they are unless the filter names them (`inDoubt: true`): another relay cannot know them for copies. Returns how many changed.
   */
  reroute(filter: Filter, relay: string, options: RerouteOptions): Promise<number>;

  find(filter: Filter, page: { readonly limit: number; readonly cursor?: string }): Promise<Page>;
  get(id: Id): Promise<Found | null>;
  /** One chunk of a content, from 0; null behind the last, or when the content is gone. */
  contentChunk(id: Id, sequence: number): Promise<Uint8Array | null>;
  count(filter: Filter): Promise<number>;
  counts(now: Instant): Promise<Counts>;
  /** Removes messages all of whose deliveries have ended, fit the filter and changed before it; at most `limit` messages a call. Returns how many messages. */
  purge(filter: Filter & { readonly changedBefore: Instant }, limit: number): Promise<number>;
  /** Drops what was staged before that time and never inserted. Returns how many contents. */
  sweepStaged(before: Instant): Promise<number>;

  relays(): Promise<readonly RelayState[]>;
  /** A server works with this relay: from then on it is among `relays()`, also while it is healthy, for those who start without one. */
  noteRelay(relay: string, now: Instant): Promise<void>;
  /** An operator stops a relay (`at`, `by`) or lets it go on (null); resuming forgets its faults and its pace too. */
  pauseRelay(relay: string, pause: { readonly at: Instant; readonly by: string } | null): Promise<void>;
  /**
   * A fault of the relay: no attempt for `delays[n]` ms after the n+1st in a row (the last one repeats). While such a pause lasts,
   * further faults change nothing: connections that fall together are one fault. Answers with what stands now.
   */
  faultRelay(relay: string, fault: Reply, now: Instant, delays: readonly number[]): Promise<RelayState>;
  /** The first success after faults. True for the one caller that ended them. */
  healRelay(relay: string): Promise<boolean>;
  /** The relay said that it was too much: `slower()` of its pace, with the connections in use of all processes. Answers with what stands now. */
  slowRelay(relay: string, report: StrainReport): Promise<Pace | null>;

  suppress(entries: readonly Suppression[]): Promise<void>;
  unsuppress(targets: readonly string[]): Promise<number>;
  suppressions(page: {
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<{ readonly rows: readonly Suppression[]; readonly cursor: string | null }>;

  /**
   * A process shows that it lives, at `node.seenAt`, and gets its part of each relay's connections (`partOf()`), or of as many as the pace
   * allows. Where mail succeeded the pace becomes `faster()` first. Answers in the order of the requests.
   */
  heartbeat(node: Node, requests?: readonly ShareRequest[]): Promise<readonly Share[]>;
  /** The process is gone, and its connections are free. */
  forgetNode(id: Id): Promise<void>;
  nodes(seenAfter: Instant): Promise<readonly Node[]>;

  /** Changes when another process may have written: a cheap thing to ask before a full look. */
  changeMark(): Promise<number>;
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
