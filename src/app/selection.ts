/** Which deliveries an application means, checked: a filter that is not understood must not mean all of them. */
import { nearest } from '../config/nearest.ts';
import { checkOptions, PosthasteError, shown } from '../errors.ts';
import { isCursor } from '../queue/cursor.ts';
import { STATES, type State } from '../queue/delivery.ts';
import type { Filter, PageRequest } from '../queue/store.ts';
import { type Id, isId } from '../runtime/id.ts';
import type { Time } from './submit-options.ts';

/** Deliveries by what is known of them. All given conditions must hold; an empty filter is all of them. */
export interface MessageFilter {
  readonly ids?: readonly Id[];
  readonly states?: readonly State[];
  readonly reason?: NonNullable<Filter['reason']>;
  /** By name. */
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
  /** Words, all of which must occur: in the subject, an address, the Message-ID, the tags, the metadata or the last reply; compared without case. */
  readonly text?: string;
  /** The idempotency key. */
  readonly key?: string;
  /** Submitted before or after this time. */
  readonly createdBefore?: Time;
  readonly createdAfter?: Time;
  /** The state was last written before or after this time. */
  readonly changedBefore?: Time;
  readonly changedAfter?: Time;
  /** `queued` ones that have been tried at least once. */
  readonly deferred?: boolean;
  /** An attempt broke before its answer: they may have arrived. */
  readonly inDoubt?: boolean;
  /** Only reports that posthaste wrote itself. */
  readonly reports?: true;
}

/** What is to be changed: a message by its id, several, those of a filter, or really all of them. */
export type Which = Id | readonly Id[] | MessageFilter | { readonly all: true };

/** In which order, and how much. */
export interface FindOptions {
  /** By the time of submission. Default `newest`. */
  readonly order?: 'newest' | 'oldest';
  /** Deliveries, at most. Default: all, for `page` 50. */
  readonly limit?: number;
  /** Of the page before. */
  readonly cursor?: string;
}

type Read = (value: unknown, name: string) => unknown;

const REASONS = ['refused', 'expired', 'suppressed', 'operator', 'doubt', 'error', 'not-allowed', 'hold-all'];
const text: Read = (value, name) => when(typeof value === 'string' && value !== '', name, value, 'a text');
const yesNo: Read = (value, name) => when(typeof value === 'boolean', name, value, 'true or false');
const time: Read = (value, name) => {
  const instant = Math.round(Number(value));
  const fits = (typeof value === 'number' || value instanceof Date) && Number.isSafeInteger(instant);
  when(fits, name, value, 'a Date, or milliseconds since 1970');
  return instant;
};
const oneOf = (names: readonly string[]): Read => {
  return (value, name) => when(names.includes(value as string), name, value, `one of ${names.join(', ')}`);
};
const listOf = (names: readonly string[]): Read => {
  const fits = (value: unknown): boolean => Array.isArray(value) && value.every((each) => names.includes(each));
  return (value, name) => when(fits(value), name, value, `an array of ${names.join(', ')}`);
};

const FIELDS: { readonly [Name in keyof MessageFilter]-?: Read } = {
  ids: (value, name) => idsOf(when(Array.isArray(value), name, value, 'an array of ids') as readonly Id[]),
  states: listOf(STATES),
  reason: oneOf(REASONS),
  relay: text,
  recipient: text,
  sender: text,
  messageId: text,
  subject: text,
  tag: text,
  text,
  key: text,
  createdBefore: time,
  createdAfter: time,
  changedBefore: time,
  changedAfter: time,
  deferred: yesNo,
  inDoubt: yesNo,
  reports: (value, name) => when(value === true, name, value, 'true'),
};

/** Throws FILTER_INVALID, also for a field that is there and undefined: it would mean more than what was meant. */
export function filterOf(filter: MessageFilter): Filter {
  if (typeof filter !== 'object' || filter === null || Array.isArray(filter)) {
    throw invalid(`A filter is ${shown(filter)}: give an object, as { recipient: '@example.org' }.`);
  }
  const checked: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(filter)) {
    const read = FIELDS[name as keyof MessageFilter];
    if (read === undefined) throw unknownField(name);
    checked[name] = read(value, name);
  }
  return checked;
}

/** The same for what is to be changed. Throws FILTER_INVALID for an empty filter, too. */
export function chosen(which: Which): Filter {
  if (typeof which === 'string') return { ids: idsOf([which]) };
  if (isList(which)) return { ids: idsOf(which) };
  if (which !== null && typeof which === 'object' && 'all' in which) {
    if (which.all === true && Object.keys(which).length === 1) return {};
    throw invalid('all stands alone, as { all: true }.');
  }
  const filter = filterOf(which);
  if (Object.keys(filter).length > 0) return filter;
  throw invalid('An empty filter would change every delivery: give { all: true } where that is meant.');
}

/** What a page is asked for. Throws FILTER_INVALID. */
export function pageOf(options: FindOptions, standard: number): PageRequest {
  checkOptions(options, ['order', 'limit', 'cursor']);
  const { order, limit, cursor } = options;
  if (order !== undefined) oneOf(['newest', 'oldest'])(order, 'order');
  const isCount = limit === undefined || (Number.isSafeInteger(limit) && limit >= 1);
  when(isCount, 'limit', limit, 'a whole number from 1');
  when(cursor === undefined || isCursor(cursor), 'cursor', cursor, 'the cursor of a page');
  return { limit: limit ?? standard, ...(order !== undefined && { order }), ...(cursor !== undefined && { cursor }) };
}

function isList(which: Which): which is readonly Id[] {
  return Array.isArray(which);
}

/** In one statement; more belong into a filter, or into several calls. */
const MOST_IDS = 10_000;

function idsOf(ids: readonly Id[]): readonly Id[] {
  if (ids.length > MOST_IDS) throw invalid(`There are ${ids.length} ids: give ${MOST_IDS} at most, or a filter.`);
  const strange = ids.find((id) => typeof id !== 'string' || !isId(id));
  if (strange === undefined) return ids;
  throw invalid(`${shown(strange)} is no queue id: give the id that submit answered with.`);
}

/** One message by its id, which may come from anywhere: only what is no text at all is a slip of the program. Throws FILTER_INVALID. */
export function checkId(id: Id): void {
  if (typeof id === 'string') return;
  throw invalid(`${shown(id)} is no queue id: give the id that submit answered with.`);
}

function unknownField(name: string): PosthasteError {
  const names = Object.keys(FIELDS);
  const meant = nearest(name, names);
  const hint = meant === undefined ? `there are ${names.join(', ')}` : `did you mean ${meant}?`;
  return invalid(`A filter has no field ${name}: ${hint}`);
}

function when<T>(fits: boolean, name: string, value: T, allowed: string): T {
  if (fits) return value;
  throw invalid(`${name} is ${shown(value)}: give ${allowed}, or leave it out.`);
}

function invalid(message: string): PosthasteError {
  return new PosthasteError('FILTER_INVALID', message);
}
