/** Tokens and leases: who has a right to which deliveries, and how long it lasts. */
import type { Token } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import { type Id, idFromBytes, idToBytes, isId } from '../runtime/id.ts';
import type { Database, Queries } from './database.ts';
import type { Dialect } from './dialect.ts';
import { idOf } from './rows.ts';
import { inPairs, queryByKeys } from './statements.ts';

/** The right as the database keeps it is one for the whole claim; with the message's id it fences each message alone. */
export function tokenOf(right: Uint8Array, id: Id): Token {
  return `${idFromBytes(right)}/${id}`;
}

/** Message and right of each token, as the database compares them; texts that are no tokens are left out. */
export function pairsOf(tokens: readonly Token[]): [id: Uint8Array, right: Uint8Array][] {
  return tokens.flatMap((token) => {
    const [right = '', id = ''] = token.split('/');
    return isId(right) && isId(id) ? [[idToBytes(id), idToBytes(right)] as [Uint8Array, Uint8Array]] : [];
  });
}

/** Claims whose lease still holds answer to their token; the others have been taken over or ended. No lease becomes shorter: a renewal may have been held up. */
export async function renew(
  database: Database,
  dialect: Dialect,
  tokens: readonly Token[],
  until: Instant,
): Promise<readonly Token[]> {
  const pairs = pairsOf(tokens);
  if (pairs.length === 0) return [];
  const work = async (tx: Queries): Promise<readonly Token[]> => {
    const lists = inPairs(dialect, 'id, token', pairs);
    const update = (keys: string): string =>
      `UPDATE posthaste_deliveries${dialect.byIndex('PRIMARY')} SET lease_until = CASE WHEN lease_until < ? THEN ? ELSE lease_until END ` +
      `WHERE ${keys} AND state = 'sending'`;
    await queryByKeys(tx, lists, update, [until, until]);
    const select = (keys: string): string =>
      `SELECT id, token FROM posthaste_deliveries WHERE ${keys} AND state = 'sending'`;
    const { rows } = await queryByKeys(tx, lists, select);
    const held = new Set(rows.map((row) => tokenOf(row.token as Uint8Array, idOf(row.id))));
    return tokens.filter((token) => held.has(token));
  };
  return database.transaction(work, { commit: 'riding', weight: tokens.length });
}
