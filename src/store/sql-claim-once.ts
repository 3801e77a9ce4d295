/** One claim, however often its transaction must be run: a connection that was lost leaves open whether the commit came through. */
import type { Delivery } from '../queue/delivery.ts';
import type { Claim } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import { idToBytes, newId } from '../runtime/id.ts';
import type { Database, Queries } from './database.ts';
import type { Dialect } from './dialect.ts';

/** Runs `work`, and again where the answer to its commit was lost, unless that claim is there. */
export function claimOnce<T>(
  database: Database,
  dialect: Dialect,
  now: Instant,
  claimsOf: (made: T) => readonly Claim[],
  work: (tx: Queries, right: () => Uint8Array) => Promise<T>,
): Promise<T> {
  // The same for all runs: a claim that was made by one of them is known by it.
  let named: Uint8Array | undefined;
  const right = (): Uint8Array => {
    named ??= idToBytes(newId(now));
    return named;
  };
  let made: T | undefined;
  const run = async (tx: Queries, again: boolean): Promise<T> => {
    const before = again && made !== undefined ? claimsOf(made)[0]?.deliveries[0] : undefined;
    if (made === undefined || before === undefined || !(await isHeldBy(tx, dialect, before, right())))
      made = await work(tx, right);
    return made;
  };
  return database.transaction(run, { commit: 'unsynced', repeatable: true });
}

/** Waits for the earlier commit where that is still under way. */
async function isHeldBy(
  tx: Queries,
  { lock }: Dialect,
  { id, ordinal }: Pick<Delivery, 'id' | 'ordinal'>,
  right: Uint8Array,
): Promise<boolean> {
  const sql = `SELECT token FROM posthaste_deliveries WHERE id = ? AND ordinal = ?${lock}`;
  const token = (await tx.query(sql, [idToBytes(id), ordinal])).rows[0]?.token;
  return token instanceof Uint8Array && Buffer.compare(token, right) === 0;
}
