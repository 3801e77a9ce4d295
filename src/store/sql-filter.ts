/** A filter as conditions, and the index that is to answer it. */
import { addressKey, domainOf } from '../mail/address.ts';
import type { State } from '../queue/delivery.ts';
import type { Filter } from '../queue/store.ts';
import { idToBytes, isId } from '../runtime/id.ts';
import type { Value } from './database.ts';
import type { Dialect } from './dialect.ts';
import { messageIdKey, NULL_SENDER, searchKey } from './rows.ts';

export interface Condition {
  readonly sql: string;
  readonly values: readonly Value[];
}

/**
 * Where the search begins. `states`: nothing narrower is given, so each state is walked in its own index. `message`: sender or
 * Message-ID, found among the messages. `delivery`: ids, recipient or doubt, found among the deliveries. `all`: newest first.
 */
export type Start = 'states' | 'message' | 'delivery' | 'all';

export function startOf(filter: Filter): Start {
  if (filter.ids !== undefined || filter.recipient !== undefined) return 'delivery';
  if (filter.idFrom !== undefined || filter.idTo !== undefined) return 'delivery';
  if (filter.sender !== undefined || filter.messageId !== undefined) return 'message';
  if (filter.key !== undefined || filter.reports) return 'message';
  if (filter.inDoubt === true) return 'delivery';
  return statesOf(filter) === undefined ? 'all' : 'states';
}

/** The states that can fit; undefined: any. */
export function statesOf(filter: Filter): readonly State[] | undefined {
  if (filter.deferred !== true) return filter.states === undefined ? undefined : [...new Set(filter.states)];
  return filter.states === undefined || filter.states.includes('queued') ? ['queued'] : [];
}

/**
 * Conditions on the deliveries `d` (or however they are called) and the messages `m`. A column that must not lead the search is
 * hidden from the planner by COALESCE or `+ 0`: without statistics it might walk ten million rows of one state to find one recipient.
 */
export function conditionsOf(dialect: Dialect, filter: Filter, d = 'd'): Condition[] {
  return [...searches(filter, d), ...deliveryNarrowings(filter, d), ...messageNarrowings(dialect, filter, d)];
}

/** Those that an index answers. */
function searches(filter: Filter, d: string): Condition[] {
  const found: Condition[] = [];
  if (filter.ids !== undefined) found.push(oneOf(`${d}.id`, filter.ids.filter(isId).map(idToBytes)));
  if (filter.idFrom !== undefined) found.push({ sql: `${d}.id >= ?`, values: [idToBytes(filter.idFrom)] });
  if (filter.idTo !== undefined) found.push({ sql: `${d}.id <= ?`, values: [idToBytes(filter.idTo)] });
  if (filter.recipient !== undefined) found.push(addressCondition(`${d}.recipient_key`, filter.recipient));
  if (filter.sender !== undefined) found.push(addressCondition('m.sender_key', filter.sender));
  if (filter.messageId !== undefined) {
    const values = [messageIdKey(filter.messageId), filter.messageId];
    found.push({ sql: 'm.message_id_key = ? AND m.message_id = ?', values });
  }
  if (filter.key !== undefined) {
    const sql = 'm.id = (SELECT k.id FROM posthaste_keys k WHERE k.submit_key = ?)';
    found.push({ sql, values: [filter.key] });
  }
  // All of them have the null sender, by which they are found.
  if (filter.reports) found.push({ sql: 'm.sender_key = ? AND m.report_on IS NOT NULL', values: [NULL_SENDER] });
  if (filter.inDoubt === true) found.push({ sql: `${d}.in_doubt = 1`, values: [] });
  return found;
}

function deliveryNarrowings(filter: Filter, d: string): Condition[] {
  const found: Condition[] = [];
  const add = (sql: string, ...values: Value[]): void => {
    found.push({ sql, values });
  };
  const tried = `(COALESCE(${d}.state, '') = 'queued' AND ${d}.attempts > 0)`;
  if (filter.reason !== undefined) add(`COALESCE(${d}.reason, '') = ?`, filter.reason);
  if (filter.relay !== undefined) add(`COALESCE(${d}.relay, '') = ?`, filter.relay);
  if (filter.changedBefore !== undefined) add(`${d}.changed_at + 0 < ?`, filter.changedBefore);
  if (filter.changedAfter !== undefined) add(`${d}.changed_at + 0 > ?`, filter.changedAfter);
  if (filter.deferred !== undefined) add(filter.deferred ? tried : `NOT ${tried}`);
  if (filter.inDoubt === false) add(`${d}.in_doubt = 0`);
  return found;
}

function messageNarrowings(dialect: Dialect, filter: Filter, d: string): Condition[] {
  const found: Condition[] = [];
  const add = (sql: string, ...values: Value[]): void => {
    found.push({ sql, values });
  };
  if (filter.subject !== undefined) add(dialect.contains('m.subject_key'), filter.subject.toLowerCase());
  if (filter.tag !== undefined) {
    // Tags stand as JSON: a quote right behind a comma or bracket always begins a tag, whose own quotes are escaped.
    const json = JSON.stringify(filter.tag);
    add(`(${dialect.contains('m.tags')} OR ${dialect.contains('m.tags')})`, `[${json}`, `,${json}`);
  }
  for (const word of wordsOf(filter.text)) {
    const spellings = spellingsOf(word);
    const conditions = spellings.map((each) => textCondition(dialect, d, each));
    add(`(${conditions.join(' OR ')})`, ...spellings.flatMap(textValues));
  }
  if (filter.createdBefore !== undefined) add('m.created_at < ?', filter.createdBefore);
  if (filter.createdAfter !== undefined) add('m.created_at > ?', filter.createdAfter);
  return found;
}

/** What is known of a message without its content. */
const SEARCHED = ['m.subject', 'd.recipient', 'm.sender', 'm.message_id', 'd.reply_text'] as const;
const SEARCHED_JSON = ['m.tags', 'm.metadata'] as const;

function textCondition({ contains, lower }: Dialect, d: string, word: string): string {
  const inColumn = (column: string): string => {
    const text = column === 'm.subject' ? 'm.subject_key' : lower(column.replace('d.', `${d}.`), word);
    return contains(`COALESCE(${text}, '')`);
  };
  return `(${[...SEARCHED, ...SEARCHED_JSON].map(inColumn).join(' OR ')})`;
}

function textValues(word: string): string[] {
  const asJson = JSON.stringify(word).slice(1, -1);
  return [...SEARCHED.map(() => word), ...SEARCHED_JSON.map(() => asJson)];
}

/** What may be an address or a domain is looked for in its ASCII form too. */
function spellingsOf(word: string): readonly string[] {
  return [...new Set([word, word.includes('@') ? addressKey(word) : domainOf(word)])];
}

/** More words than these narrow nothing. */
const MOST_WORDS = 8;

function wordsOf(text = ''): readonly string[] {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  return [...new Set(words)].slice(0, MOST_WORDS);
}

/** The states as a condition: as the start of the search, or as a narrowing. */
export function stateCondition(states: readonly State[], leads: boolean, d = 'd'): Condition {
  return oneOf(leads ? `${d}.state` : `COALESCE(${d}.state, '')`, states);
}

/** Whether anything is asked that only the message knows. */
export function needsMessage(filter: Filter): boolean {
  const { sender, messageId, key, reports, subject, tag, text, createdBefore, createdAfter } = filter;
  return [sender, messageId, key, reports, subject, tag, text, createdBefore, createdAfter].some(
    (field) => field !== undefined,
  );
}

function oneOf(column: string, values: readonly Value[]): Condition {
  if (values.length === 0) return { sql: '1 = 0', values: [] };
  return { sql: `${column} IN (${values.map(() => '?').join(', ')})`, values };
}

/** A whole address, or all of `@domain`: their keys begin with the domain and an @, and A follows @. */
function addressCondition(column: string, wanted: string): Condition {
  if (wanted === NULL_SENDER) return { sql: `${column} = ?`, values: [NULL_SENDER] };
  if (!wanted.startsWith('@')) return { sql: `${column} = ?`, values: [searchKey(wanted)] };
  const domain = addressKey(wanted).slice(1);
  return { sql: `${column} >= ? AND ${column} < ?`, values: [`${domain}@`, `${domain}A`] };
}
