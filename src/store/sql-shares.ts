/** The processes that work here, what each may have of a relay's connections, and the pace that a relay is held to. */
import { faster, type Pace, slower } from '../queue/pace.ts';
import type { Held, Node, Share, ShareRequest, StrainReport } from '../queue/relay-store.ts';
import { type Holding, partOf } from '../queue/share.ts';
import type { Instant } from '../runtime/clock.ts';
import { type Id, idToBytes } from '../runtime/id.ts';
import type { Database, Queries, Row } from './database.ts';
import type { Dialect } from './dialect.ts';
import { idOf, paceOf, replyValues } from './rows.ts';
import { FULL_PACE, lockRelay } from './sql-relays.ts';
import { insertRows } from './statements.ts';

const NODE_COLUMNS = ['id', 'host', 'place', 'pid', 'role', 'started_at', 'seen_at'];
const SHARE_COLUMNS = ['relay', 'node', 'connections', 'used', 'until_at'];

/** One transaction for all relays, so that a process that lives costs one commit. */
export async function heartbeat(
  database: Database,
  dialect: Dialect,
  node: Node,
  requests: readonly ShareRequest[],
): Promise<readonly Share[]> {
  const work = async (tx: Queries): Promise<readonly NewShare[]> => {
    await seen(tx, dialect, node);
    const shares = new Map<ShareRequest, NewShare>();
    // Always in the same order, so that of two processes none waits for the other's lock while it has its own.
    for (const request of requests.toSorted((a, b) => (a.relay < b.relay ? -1 : 1)))
      shares.set(request, await shareOut(tx, dialect, node, request));
    return requests.map((request) => shares.get(request) as NewShare);
  };
  const shares = await database.transaction(work, { commit: 'riding', news: (each) => each.some(({ news }) => news) });
  return shares.map(({ share }) => share);
}

async function seen(tx: Queries, dialect: Dialect, node: Node): Promise<void> {
  const id = idToBytes(node.id);
  const row = [id, node.host, node.place, node.pid, node.role, node.startedAt, node.seenAt];
  await insertRows(tx, dialect, 'posthaste_nodes', NODE_COLUMNS, [row], dialect.unlessTaken('id'));
  await tx.query('UPDATE posthaste_nodes SET role = ?, seen_at = ? WHERE id = ?', [node.role, node.seenAt, id]);
}

interface NewShare {
  readonly share: Share;
  /** The parts of other processes are others now, and they should hear of it. */
  readonly news: boolean;
}

/** Under the lock of the relay's row: what one process gives up no two others can take. */
async function shareOut(tx: Queries, dialect: Dialect, node: Node, request: ShareRequest): Promise<NewShare> {
  const { relay, limit, held, used, until } = request;
  const state = await lockRelay(tx, dialect, relay);
  const before = paceOf(state);
  const pace = before !== null && request.succeeded ? faster(before, limit, node.seenAt) : before;
  if (pace !== before) await writePace(tx, relay, pace);
  const others = await holdersBeside(tx, relay, node.id, node.seenAt);
  const most = Math.min(limit, pace?.connections ?? limit);
  const { connections, settled } = partOf(most, { node: node.id, connections: held }, others.living);
  const row = [relay, idToBytes(node.id), Math.max(connections, held), used, until];
  await write(tx, dialect, row, others.knowsOwn);
  const joined = !others.knowsOwn && others.living.length > 0;
  const news = joined || others.someLeft || pace !== before;
  if (news) await noteChange(tx, relay);
  const changes = (state.share_changes as number) + (news ? 1 : 0);
  return { share: { connections, settled, pace, changes }, news };
}

/** Whoever has a share meets it with its next claim, and asks for its part anew at once. */
async function noteChange(tx: Queries, relay: string): Promise<void> {
  await tx.query('UPDATE posthaste_relays SET share_changes = share_changes + 1 WHERE relay = ?', [relay]);
}

async function write(
  tx: Queries,
  dialect: Dialect,
  [relay, node, ...rest]: (string | number | Uint8Array)[],
  known: boolean,
): Promise<void> {
  const keys = [relay as string, node as Uint8Array];
  if (!known) await insertRows(tx, dialect, 'posthaste_shares', SHARE_COLUMNS, [[...keys, ...rest]]);
  else
    await tx.query('UPDATE posthaste_shares SET connections = ?, used = ?, until_at = ? WHERE relay = ? AND node = ?', [
      ...rest,
      ...keys,
    ]);
}

interface Holders {
  readonly living: readonly (Holding & { readonly used: number })[];
  /** This process has a row already. */
  readonly knowsOwn: boolean;
  /** Some were there still whose lease was over. */
  readonly someLeft: boolean;
}

/** Rows whose lease ran out go: their processes are gone, or have given up what they had. */
async function holdersBeside(tx: Queries, relay: string, own: Id, now: Instant): Promise<Holders> {
  const { rows } = await tx.query('SELECT * FROM posthaste_shares WHERE relay = ?', [relay]);
  const others = rows.filter((row) => idOf(row.node) !== own);
  const living = others.filter((row) => (row.until_at as number) > now);
  if (living.length < others.length)
    await tx.query('DELETE FROM posthaste_shares WHERE relay = ? AND until_at <= ? AND node <> ?', [
      relay,
      now,
      idToBytes(own),
    ]);
  return {
    living: living.map((row) => {
      return { node: idOf(row.node), connections: row.connections as number, used: row.used as number };
    }),
    knowsOwn: others.length < rows.length,
    someLeft: living.length < others.length,
  };
}

export function slowRelay(
  database: Database,
  dialect: Dialect,
  relay: string,
  report: StrainReport,
): Promise<Pace | null> {
  const work = async (tx: Queries): Promise<Pace | null> => {
    const before = paceOf(await lockRelay(tx, dialect, relay));
    const { living } = await holdersBeside(tx, relay, report.node, report.now);
    const used = living.reduce((sum, other) => sum + other.used, report.used);
    const pace = slower(before, { ...report, used });
    if (pace === before) return pace;
    await writePace(tx, relay, pace);
    await noteChange(tx, relay);
    return pace;
  };
  return database.transaction(work, { commit: 'riding' });
}

async function writePace(tx: Queries, relay: string, pace: Pace | null): Promise<void> {
  if (pace === null) {
    await tx.query(`UPDATE posthaste_relays SET ${FULL_PACE} WHERE relay = ?`, [relay]);
    return;
  }
  const sql =
    'UPDATE posthaste_relays SET pace = ?, rests = ?, rest_until = ?, slowed_at = ?, pace_at = ?, ' +
    'slow_code = ?, slow_status = ?, slow_text = ? WHERE relay = ?';
  const { connections, rests, restUntil, slowedAt, changedAt, reply } = pace;
  await tx.query(sql, [connections, rests, restUntil, slowedAt, changedAt, ...replyValues(reply), relay]);
}

export async function holdings(database: Database, now: Instant): Promise<readonly Held[]> {
  const { claims, held } = await database.snapshot(async (tx) => {
    const claims = await tx.query(
      'SELECT holder AS node, relay, COUNT(*) AS n FROM posthaste_deliveries ' +
        "WHERE state = 'sending' AND holder IS NOT NULL GROUP BY holder, relay",
      [],
    );
    const held = await tx.query(
      'SELECT node, relay, connections AS n FROM posthaste_shares WHERE until_at > ? AND connections > 0',
      [now],
    );
    return { claims: claims.rows, held: held.rows };
  });
  const found = new Map<string, Held>();
  const add = (row: Row, part: (n: number) => Partial<Held>): void => {
    const [node, relay] = [idOf(row.node), row.relay as string];
    const before = found.get(`${node} ${relay}`) ?? { node, relay, sending: 0, connections: 0 };
    found.set(`${node} ${relay}`, { ...before, ...part(Number(row.n)) });
  };
  for (const row of claims) add(row, (sending) => ({ sending }));
  for (const row of held) add(row, (connections) => ({ connections }));
  return [...found.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
}

export async function forgetNode(database: Database, id: Id): Promise<void> {
  const work = async (tx: Queries): Promise<boolean> => {
    const own = [idToBytes(id)];
    // In the order in which a heartbeat locks them, and before their shares.
    const { rows } = await tx.query('SELECT relay FROM posthaste_shares WHERE node = ? ORDER BY relay', own);
    for (const { relay } of rows) await noteChange(tx, relay as string);
    await tx.query('DELETE FROM posthaste_shares WHERE node = ?', own);
    await tx.query('DELETE FROM posthaste_nodes WHERE id = ?', own);
    return rows.length > 0;
  };
  await database.transaction(work, { commit: 'riding', news: (left) => left });
}
