/** What a store keeps for all processes about relays, and about the processes themselves: faults, pauses, pace, and who has which connections. */
import type { Reply } from '../mail/reply.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import type { Delivery } from './delivery.ts';
import type { Pace, Strain } from './pace.ts';
import type { Suspicion } from './suspicion.ts';

/** What all workers on the database share about a relay. A relay nobody has written or noted anything about is absent and healthy. */
export interface RelayState extends Suspicion {
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
  /** When it last took mail, to a minute or so; null: it is not known that it ever did. */
  readonly sentAt: Instant | null;
  /** How often the parts that processes have of its connections changed: one came or went, or the pace became another. */
  readonly shareChanges: number;
}

/** A delivery that waits for another attempt. */
export type Deferred = Pick<Delivery, 'id' | 'attempts' | 'createdAt' | 'lastAttemptAt' | 'lastReply'>;

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
  /** Its process was of this machine and lives no more. No store keeps that: `knownNodes()` looks. */
  readonly gone?: true | undefined;
}

/** What a process has of a relay now: `node` may be one that is known no more. */
export interface Held {
  readonly node: Id;
  readonly relay: string;
  /** Deliveries that it is sending. */
  readonly sending: number;
  /** Connections that are its own until it gives them up or its lease is over. */
  readonly connections: number;
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
  /** Of the relay, at this heartbeat: another number, met later, says that the parts are others now. */
  readonly changes: number;
}

/** What a process knows when a relay says that it is too much. */
export interface StrainReport extends Strain {
  readonly node: Id;
  readonly limit: number;
  /** Connections of this process: the most that stood at once since its last heartbeat. */
  readonly used: number;
  readonly now: Instant;
}

export interface RelayStore {
  relays(): Promise<readonly RelayState[]>;
  /** A server works with this relay: from then on it is among `relays()`, also while it is healthy, for those who start without one. */
  noteRelay(relay: string, now: Instant): Promise<void>;
  /** The relay has taken mail. Workers tell now and then: never for each message. */
  noteSent(relay: string, now: Instant): Promise<void>;
  /**
   * Deliveries of the relay that wait after that many attempts or more, by the time at which they are due; looked for among the first
   * `limit` of each priority.
   */
  deferredOf(relay: string, attempts: number, limit: number): Promise<readonly Deferred[]>;
  /** An operator stops a relay (`at`, `by`) or lets it go on (null); resuming forgets its faults and its pace too. */
  pauseRelay(relay: string, pause: { readonly at: Instant; readonly by: string } | null): Promise<void>;
  /**
   * A fault of the relay: no attempt for `delays[n]` ms after the n+1st in a row (the last one repeats). While such a pause lasts,
   * further faults change nothing: connections that fall together are one fault. `suspect`: the message in whose transaction it came; the
   * next time it may be to blame (`isToBlame()`): then nothing changes, and the answer is `message`. Else it is what stands now.
   */
  faultRelay(
    relay: string,
    fault: Reply,
    now: Instant,
    delays: readonly number[],
    suspect?: Id | null,
  ): Promise<RelayState | 'message'>;
  /** The first success after faults. True for the one caller that ended them. */
  healRelay(relay: string, now: Instant): Promise<boolean>;
  /** The probe that `holder` claimed until `until` ended without having met the relay: the next message may probe. True where that was still its probe. */
  endProbe(relay: string, holder: Id, until: Instant): Promise<boolean>;
  /** The relay said that it was too much: `slower()` of its pace, with the connections in use of all processes. Answers with what stands now. */
  slowRelay(relay: string, report: StrainReport): Promise<Pace | null>;

  /**
   * A process shows that it lives, at `node.seenAt`, and gets its part of each relay's connections (`partOf()`), or of as many as the pace
   * allows. Where mail succeeded the pace becomes `faster()` first. Answers in the order of the requests.
   */
  heartbeat(node: Node, requests?: readonly ShareRequest[]): Promise<readonly Share[]>;
  /** The process is gone, and its connections are free. */
  forgetNode(id: Id): Promise<void>;
  nodes(seenAfter: Instant): Promise<readonly Node[]>;
  /** What each process holds of each relay at `now`, in the order of nodes and relays; who holds nothing is left out. */
  holdings(now: Instant): Promise<readonly Held[]>;
}
