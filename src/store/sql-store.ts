/** The store over any SQL database: each move in the file of its concern, every statement once. */
import type { Reply } from '../mail/reply.ts';
import type { NewMessage } from '../queue/message.ts';
import type { Pace } from '../queue/pace.ts';
import type {
  Claim,
  ClaimRequest,
  Counts,
  DelayReport,
  Filter,
  Found,
  Inserted,
  LateMessage,
  MoveOptions,
  Node,
  Page,
  RelayState,
  RerouteOptions,
  SettleGroup,
  Share,
  ShareRequest,
  Store,
  StrainReport,
  Suppression,
  Take,
  Token,
} from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import type { Database } from './database.ts';
import type { Dialect } from './dialect.ts';
import * as claims from './sql-claim.ts';
import * as delays from './sql-delay.ts';
import * as finds from './sql-find.ts';
import * as inserts from './sql-insert.ts';
import * as leases from './sql-lease.ts';
import * as moves from './sql-move.ts';
import * as relays from './sql-relays.ts';
import * as settles from './sql-settle.ts';
import * as shares from './sql-shares.ts';
import * as suppress from './sql-suppress.ts';

type PageOf = { readonly limit: number; readonly cursor?: string };

export class SqlStore implements Store {
  readonly #database: Database;
  readonly #dialect: Dialect;

  constructor(database: Database, dialect: Dialect) {
    this.#database = database;
    this.#dialect = dialect;
  }

  insert(messages: readonly NewMessage[], now: Instant, takes?: readonly Take[]): Promise<readonly Inserted[]> {
    return inserts.insert(this.#database, this.#dialect, messages, now, takes);
  }

  stage(id: Id, sequence: number, bytes: Uint8Array, now: Instant): Promise<void> {
    return inserts.stage(this.#database, this.#dialect, id, sequence, bytes, now);
  }

  unstage(id: Id): Promise<void> {
    return inserts.unstage(this.#database, id);
  }

  sweepStaged(before: Instant): Promise<number> {
    return inserts.sweepStaged(this.#database, before);
  }

  claim(request: ClaimRequest): Promise<readonly Claim[]> {
    return claims.claim(this.#database, this.#dialect, request);
  }

  claimExpired(request: Omit<ClaimRequest, 'relay'>): Promise<readonly Claim[]> {
    return claims.claimExpired(this.#database, this.#dialect, request);
  }

  late(now: Instant, limit: number): Promise<readonly LateMessage[]> {
    return delays.late(this.#database, now, limit);
  }

  reportDelays(reports: readonly DelayReport[], now: Instant): Promise<readonly boolean[]> {
    return delays.reportDelays(this.#database, this.#dialect, reports, now);
  }

  renew(tokens: readonly Token[], until: Instant): Promise<readonly Token[]> {
    return leases.renew(this.#database, this.#dialect, tokens, until);
  }

  nextDue(relay: string): Promise<Instant | null> {
    return claims.nextDue(this.#database, relay);
  }

  settle(groups: readonly SettleGroup[], now: Instant): Promise<readonly (readonly boolean[])[]> {
    return settles.settle(this.#database, this.#dialect, groups, now);
  }

  release(tokens: readonly Token[], now: Instant): Promise<number> {
    return settles.release(this.#database, this.#dialect, tokens, now);
  }

  reclaim(now: Instant, dead: readonly Id[], delays: readonly number[]): Promise<number> {
    return settles.reclaim(this.#database, this.#dialect, now, dead, delays);
  }

  move(filter: Filter, to: 'queued' | 'held' | 'cancelled', options: MoveOptions): Promise<number> {
    return moves.move(this.#database, this.#dialect, filter, to, options);
  }

  reroute(filter: Filter, relay: string, options: RerouteOptions): Promise<number> {
    return moves.reroute(this.#database, this.#dialect, filter, relay, options);
  }

  purge(filter: Filter & { readonly changedBefore: Instant }, limit: number): Promise<number> {
    return moves.purge(this.#database, this.#dialect, filter, limit);
  }

  find(filter: Filter, page: PageOf): Promise<Page> {
    return finds.find(this.#database, this.#dialect, filter, page);
  }

  get(id: Id): Promise<Found | null> {
    return finds.get(this.#database, id);
  }

  contentChunk(id: Id, sequence: number): Promise<Uint8Array | null> {
    return finds.contentChunk(this.#database, id, sequence);
  }

  count(filter: Filter): Promise<number> {
    return finds.count(this.#database, this.#dialect, filter);
  }

  counts(now: Instant): Promise<Counts> {
    return finds.counts(this.#database, now);
  }

  relays(): Promise<readonly RelayState[]> {
    return relays.relays(this.#database);
  }

  noteRelay(relay: string, now: Instant): Promise<void> {
    return relays.noteRelay(this.#database, this.#dialect, relay, now);
  }

  pauseRelay(relay: string, pause: { readonly at: Instant; readonly by: string } | null): Promise<void> {
    return relays.pauseRelay(this.#database, this.#dialect, relay, pause);
  }

  faultRelay(relay: string, fault: Reply, now: Instant, delays: readonly number[]): Promise<RelayState> {
    return relays.faultRelay(this.#database, this.#dialect, relay, fault, now, delays);
  }

  healRelay(relay: string): Promise<boolean> {
    return relays.healRelay(this.#database, relay);
  }

  suppress(entries: readonly Suppression[]): Promise<void> {
    return suppress.suppress(this.#database, this.#dialect, entries);
  }

  unsuppress(targets: readonly string[]): Promise<number> {
    return suppress.unsuppress(this.#database, targets);
  }

  suppressions(page: PageOf): Promise<{ readonly rows: readonly Suppression[]; readonly cursor: string | null }> {
    return suppress.suppressions(this.#database, page);
  }

  slowRelay(relay: string, report: StrainReport): Promise<Pace | null> {
    return shares.slowRelay(this.#database, this.#dialect, relay, report);
  }

  heartbeat(node: Node, requests: readonly ShareRequest[] = []): Promise<readonly Share[]> {
    return shares.heartbeat(this.#database, this.#dialect, node, requests);
  }

  forgetNode(id: Id): Promise<void> {
    return shares.forgetNode(this.#database, id);
  }

  nodes(seenAfter: Instant): Promise<readonly Node[]> {
    return relays.nodes(this.#database, seenAfter);
  }

  changeMark(): Promise<number> {
    return this.#database.changeMark();
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
