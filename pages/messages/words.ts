/** What is said of a delivery in a line. */
import type { ListedRow } from '../../src/admin/answers.ts';
import { formatRelative } from '../format/time.ts';

/** What stands in its way. */
const OBSTACLES: Readonly<Record<string, string>> = {
  paused: 'its relay is paused',
  unknown: 'its relay is in no settings',
  faulty: 'its relay fails',
  workerless: 'no worker runs',
  relayless: 'no worker has a relay',
  limited: 'the rate of its relay is used up',
  resting: 'its relay asked for a rest',
  demand: 'somebody has to ask for it',
  turn: 'its turn comes soon',
};

/** What happens next, or what came of it. */
export function newsOf(row: ListedRow, now: number): string {
  const reply = row.lastReply;
  const said = reply === null ? '' : `${reply.code} ${reply.status ?? ''} ${reply.text}`.replace(/\s+/g, ' ');
  if (row.state === 'sending') return 'being sent';
  if (row.state === 'held') return row.reason === null ? said : `held: ${row.reason}`;
  if (row.state !== 'queued') return said;
  const obstacle = OBSTACLES[row.waitsFor ?? ''];
  const next = row.nextAt === null ? '' : `next try ${row.nextAt <= now ? 'now' : formatRelative(row.nextAt, now)}`;
  return [obstacle ?? next, said].filter((text) => text !== '').join(' · ');
}
