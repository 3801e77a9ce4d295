/** Whether this machine and its database server agree about the time: leases and due times are by the clock of each process. */
import { systemClock } from '../runtime/clock.ts';
import { elapsed } from '../runtime/elapsed.ts';
import type { Queries } from './database.ts';

/** Clocks that are kept right differ by milliseconds. */
const SOME = 5_000;

/** `sql` asks the server for its time as `now`, ms since 1970. Its answer takes a while, of which nobody knows at which end. */
export async function clockFaults(queries: Queries, sql: string): Promise<readonly string[]> {
  const before = systemClock.now();
  const server = Number((await queries.query(sql, [])).rows[0]?.now);
  const [ahead, behind] = [before - server, server - systemClock.now()];
  if (Math.max(ahead, behind) < SOME) return [];
  const how = ahead > 0 ? `${elapsed(ahead)} ahead of` : `${elapsed(behind)} behind`;
  return [
    `The clock of this machine is ${how} that of the database server: where processes differ by more than a lease, mail is sent twice, and what is due waits too long or not long enough. Let all of them keep the time (NTP).`,
  ];
}
