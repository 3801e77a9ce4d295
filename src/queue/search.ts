/** Looking through deliveries that no index leads to, a bounded number of them at a time. Pure. */
import { firstIdAt, type Id } from '../runtime/id.ts';
import type { Filter, PageRequest } from './store.ts';

/** Deliveries that one page looks through. */
export const SEARCHED = 20_000;
/** Behind all recipients of a message. */
const LAST = 999_999_999;
/** An id is made when its message is prepared, which may be that long before it is submitted; and a little ahead of the clock, ms. */
const PREPARED = 2 * 60 * 60_000;
const AHEAD = 60_000;

/** Nothing that an index answers, but something to look for. */
export function isSearch(filter: Filter): boolean {
  const { ids, recipient, sender, messageId, key, reports, inDoubt } = filter;
  if ([ids, recipient, sender, messageId, key, reports].some((each) => each !== undefined) || inDoubt) return false;
  const { text, subject, tag, createdAfter, createdBefore, changedAfter, changedBefore, reason, relay, states } =
    filter;
  const searched = [text, subject, tag, createdAfter, createdBefore, changedAfter, changedBefore];
  if (states === undefined) searched.push(reason, relay);
  return searched.some((each) => each !== undefined);
}

/** What was submitted before or after a time is not looked for where it cannot be: ids rise with time. */
export function beginning({ createdBefore, createdAfter }: Filter, page: PageRequest): PageRequest {
  if (page.cursor !== undefined) return page;
  if (page.order === 'oldest')
    return createdAfter === undefined ? page : { ...page, cursor: `${firstIdAt(createdAfter - PREPARED)}:${LAST}` };
  return createdBefore === undefined ? page : { ...page, cursor: `${firstIdAt(createdBefore + AHEAD)}:0` };
}

/** Behind this nothing can fit. */
export function isBeyond(edge: Id, { createdBefore, createdAfter }: Filter, isOldest: boolean): boolean {
  if (isOldest) return createdBefore !== undefined && edge > firstIdAt(createdBefore + AHEAD);
  return createdAfter !== undefined && edge < firstIdAt(createdAfter - PREPARED);
}

/** The cursor that goes on behind all recipients of a message. */
export function behind(edge: Id, isOldest: boolean): string {
  return `${edge}:${isOldest ? 0 : LAST}`;
}
