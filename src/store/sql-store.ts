/** The store over any SQL database: each move in the file of its concern, every statement once. */
import type { Reply } from '../mail/reply.ts';
import type { AuditEnd, AuditFilter, AuditPage, AuditRecord } from '../queue/audit.ts';
import type { NewMessage } from '../queue/message.ts';
import type { Pace } from '../queue/pace.ts';
import type { Deferred, Held, Node, RelayState, Share, ShareRequest, StrainReport } from '../queue/relay-store.ts';
import type {
  Claim,
  Claimed,
  ClaimRequest,
  Counts,
  DelayReport,
  Filter,
  Flow,
  Found,
  Inserted,
  LateMessage,
  MoveOptions,
  Page,
  PageRequest,
  RerouteOptions,
  SettleGroup,
  Store,
  Suppression,
  Take,
  Token,
} from '../queue/store.ts';
import type { WebhookCounts, WebhookEntry, WebhookEvent, WebhookOutcome, WebhookState } from '../queue/webhook.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import { foldNews } from './callers/news.ts';
import type { Database } from './database.ts';
import type { Dialect } from './dialect.ts';
import * as audits from './sql-audit.ts';
import * as changes from './sql-changes.ts';
import * as claims from './sql-claim.ts';
import * as contents from './sql-contents.ts';
import * as delays from './sql-delay.ts';
import * as finds from './sql-find.ts';
import * as flows from './sql-flow.ts';
import * as inserts from './sql-insert.ts';
import * as leases from './sql-lease.ts';
import * as moves from './sql-move.ts';
import { unmarked } from './sql-rates.ts';
import * as relays from './sql-relays.ts';
import * as settles from './sql-settle.ts';
import * as shares from './sql-shares.ts';
import * as suppress from './sql-suppress.ts';
import * as hooks from './sql-webhooks.ts';

export const IDENTITY = 'SELECT MIN(id) AS place FROM posthaste_identity';

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

  async sweepStaged(before: Instant): Promise<number> {
    if (this.#dialect.hasNews) await foldNews(this.#database);
    return inserts.sweepStaged(this.#database, before);
  }

  claim(request: ClaimRequest): Promise<Claimed> {
    return claims.claim(this.#database, this.#dialect, request);
  }

  claimExpired(request: Omit<ClaimRequest, 'relay'>): Promise<readonly Claim[]> {
    return claims.claimExpired(this.#database, this.#dialect, request);
  }

  late(now: Instant, limit: number): Promise<readonly LateMessage[]> {
    return delays.late(this.#database, this.#dialect, now, limit);
  }

  reportDelays(reports: readonly DelayReport[], now: Instant): Promise<readonly boolean[]> {
    return delays.reportDelays(this.#database, this.#dialect, reports, now);
  }

  async renew(tokens: readonly Token[], until: Instant): Promise<readonly Token[]> {
    const held = new Set(await leases.renew(this.#database, this.#dialect, tokens.map(unmarked), until));
    return tokens.filter((token) => held.has(unmarked(token)));
  }

  nextDue(relay: string): Promise<Instant | null> {
    return claims.nextDue(this.#database, this.#dialect, relay);
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

  purgeable(filter: Filter & { readonly changedBefore: Instant }): Promise<number> {
    return moves.purgeableCount(this.#database, this.#dialect, filter);
  }

  purge(filter: Filter & { readonly changedBefore: Instant }, limit: number): Promise<number> {
    return moves.purge(this.#database, this.#dialect, filter, limit);
  }

  dropContents(limit: number): Promise<number> {
    return contents.dropContents(this.#database, this.#dialect, limit);
  }

  find(filter: Filter, page: PageRequest): Promise<Page> {
    return finds.find(this.#database, this.#dialect, filter, page);
  }

  edge(page: PageRequest): Promise<Id | null> {
    return finds.edge(this.#database, page);
  }

  changed(since: Instant, page: PageOf): Promise<Page> {
    return changes.changed(this.#database, since, page);
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
    return finds.counts(this.#database, this.#dialect, now);
  }

  flow(from: Instant, width: number, spans: number): Promise<readonly Flow[]> {
    return flows.flow(this.#database, this.#dialect, from, width, spans);
  }

  lastSent(): Promise<Instant | null> {
    return flows.lastSent(this.#database);
  }

  relays(): Promise<readonly RelayState[]> {
    return relays.relays(this.#database);
  }

  noteRelay(relay: string, now: Instant): Promise<void> {
    return relays.noteRelay(this.#database, this.#dialect, relay, now);
  }

  noteSent(relay: string, now: Instant): Promise<void> {
    return relays.noteSent(this.#database, this.#dialect, relay, now);
  }

  deferredOf(relay: string, attempts: number, limit: number): Promise<readonly Deferred[]> {
    return finds.deferredOf(this.#database, this.#dialect, { relay, attempts, limit });
  }

  pauseRelay(relay: string, pause: { readonly at: Instant; readonly by: string } | null): Promise<void> {
    return relays.pauseRelay(this.#database, this.#dialect, relay, pause);
  }

  faultRelay(
    relay: string,
    fault: Reply,
    now: Instant,
    delays: readonly number[],
    suspect: Id | null = null,
  ): Promise<RelayState | 'message'> {
    return relays.faultRelay(this.#database, this.#dialect, relay, { fault, suspect }, now, delays);
  }

  healRelay(relay: string, now: Instant): Promise<boolean> {
    return relays.healRelay(this.#database, relay, now);
  }

  endProbe(relay: string, holder: Id, until: Instant): Promise<boolean> {
    return relays.endProbe(this.#database, relay, holder, until);
  }

  suppress(entries: readonly Suppression[]): Promise<void> {
    return suppress.suppress(this.#database, this.#dialect, entries);
  }

  unsuppress(targets: readonly string[]): Promise<number> {
    return suppress.unsuppress(this.#database, targets);
  }

  suppressing(recipients: readonly string[], now: number): Promise<readonly (Suppression | null)[]> {
    return suppress.suppressing(this.#database, recipients, now);
  }

  suppressions(
    page: suppress.ListPage,
  ): Promise<{ readonly rows: readonly Suppression[]; readonly cursor: string | null }> {
    return suppress.suppressions(this.#database, this.#dialect, page);
  }

  keepAudit(record: AuditRecord): Promise<void> {
    return audits.keepAudit(this.#database, this.#dialect, record);
  }

  endAudit(id: Id, end: AuditEnd): Promise<void> {
    return audits.endAudit(this.#database, id, end);
  }

  audit(filter: AuditFilter, page: PageOf): Promise<AuditPage> {
    return audits.audit(this.#database, filter, page);
  }

  purgeAudit(before: Instant, limit: number): Promise<number> {
    return audits.purgeAudit(this.#database, before, limit);
  }

  registerWebhooks(entries: readonly WebhookEntry[], now: Instant): Promise<void> {
    return hooks.registerWebhooks(this.#database, this.#dialect, entries, now);
  }

  webhooks(): Promise<readonly WebhookState[]> {
    return hooks.webhooks(this.#database);
  }

  webhookCounts(): Promise<readonly WebhookCounts[]> {
    return hooks.webhookCounts(this.#database);
  }

  leaseWebhooks(names: readonly string[], holder: Id, now: Instant, until: Instant): Promise<readonly WebhookState[]> {
    return hooks.leaseWebhooks(this.#database, names, holder, now, until);
  }

  releaseWebhooks(holder: Id): Promise<void> {
    return hooks.releaseWebhooks(this.#database, holder);
  }

  dueWebhookEvents(webhook: string, now: Instant, limit: number): Promise<readonly WebhookEvent[]> {
    return hooks.dueWebhookEvents(this.#database, webhook, now, limit);
  }

  endWebhookEvents(webhook: string, outcome: WebhookOutcome): Promise<void> {
    return hooks.endWebhookEvents(this.#database, webhook, outcome);
  }

  expireWebhookEvents(webhook: string, before: Instant, limit: number): Promise<number> {
    return hooks.expireWebhookEvents(this.#database, webhook, before, limit);
  }

  webhookEvents(
    webhook: string,
    state: WebhookEvent['state'],
    page: PageOf,
  ): Promise<{ readonly rows: readonly WebhookEvent[]; readonly cursor: string | null }> {
    return hooks.webhookEvents(this.#database, webhook, state, page);
  }

  resendWebhookEvents(webhook: string, ids: readonly Id[] | null, now: Instant): Promise<number> {
    return hooks.resendWebhookEvents(this.#database, webhook, ids, now);
  }

  enableWebhook(webhook: string): Promise<boolean> {
    return hooks.enableWebhook(this.#database, webhook);
  }

  purgeWebhooks(before: Instant, unknownSince: Instant, limit: number): Promise<number> {
    return hooks.purgeWebhooks(this.#database, before, unknownSince, limit);
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

  holdings(now: Instant): Promise<readonly Held[]> {
    return shares.holdings(this.#database, now);
  }

  get onNews(): Store['onNews'] {
    return this.#database.onNews;
  }

  /** Which queue this is: see `Place` of callers/. A migration that was broken off may have made more than one name. */
  async identity(): Promise<string> {
    const { rows } = await this.#database.query(IDENTITY, []);
    return String(rows[0]?.place);
  }

  losses(): number {
    return this.#database.losses ?? 0;
  }

  /** Whether the server can be told to undo all of a transaction that locks what others committed after its snapshot, as newer MariaDB does by itself. */
  async mayIsolate(): Promise<boolean> {
    if (this.#dialect.engine === 'PostgreSQL') return false;
    return (await this.#database.query("SHOW VARIABLES LIKE 'innodb_snapshot_isolation'", [])).rows.length > 0;
  }

  get dialect(): Dialect {
    return this.#dialect;
  }

  changeMark(): Promise<number> {
    return this.#database.changeMark();
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
