/** Queue ids as people type and paste them: whole, or as much of the beginning as tells them apart. */
import type { Queue } from '../queue/queue.ts';
import type { Listed } from '../queue/store.ts';
import { type Id, isId } from '../runtime/id.ts';
import { EXIT, Failure } from './failure.ts';
import { senderWord } from './format.ts';

/** Ids begin with the time: with these many digits, all of the same 66 seconds begin alike; with twelve, all of a millisecond. */
const LEAST = 8;
/** As many as are shown to choose from. */
const CANDIDATES = 5;

export const ID_HELP = `queue id as list shows it, or its beginning: ${LEAST} digits or more, as many as tell it from others`;

/** The time and the count inside of it, with their dashes: other ids of one process begin otherwise, and those of several hardly ever alike. */
const SHORT = 18;

/** How many characters of these ids to show where there is no room for all: enough to tell them apart. */
export function shortLength(ids: readonly Id[]): number {
  const distinct = new Set(ids);
  const beginnings = new Set([...distinct].map((id) => id.slice(0, SHORT)));
  return beginnings.size === distinct.size ? SHORT : 36;
}

/** The message that the text means. Ends the command where there is none, or more than one. */
export async function findId(queue: Queue, text: string): Promise<Id> {
  const digits = text.trim().toLowerCase().replaceAll('-', '');
  if (!/^[0-9a-f]{1,32}$/.test(digits))
    throw new Failure(`${shown(text)} is no queue id; posthaste list shows them`, EXIT.failure);
  if (digits.length < LEAST)
    throw new Failure(`${shown(text)} is too little of a queue id: give ${LEAST} digits of it at least`, EXIT.failure);
  const found = await beginningWith(queue, digits);
  const [first] = found;
  if (first === undefined) throw new Failure(noneOf(digits), EXIT.failure);
  if (found.length > 1) throw new Failure(severalOf(text, found), EXIT.failure);
  return first.id;
}

function shown(text: string): string {
  return JSON.stringify(text);
}

function noneOf(digits: string): string {
  const id = dashed(digits);
  return isId(id) ? `no message has the id ${id}` : `no message has an id that begins with ${id}`;
}

function severalOf(text: string, found: readonly Listed[]): string {
  const lines = found
    .slice(0, CANDIDATES)
    .map(({ id, sender, recipient }) => `  ${id} from ${senderWord(sender)} to ${recipient}`);
  const more = found.length > CANDIDATES ? ['  and others'] : [];
  return [`several messages have an id that begins with ${text.trim()}; give more of it:`, ...lines, ...more].join(
    '\n',
  );
}

/** One delivery of each, the newest first: each look goes on below the message that the one before it found. */
async function beginningWith(queue: Queue, digits: string): Promise<readonly Listed[]> {
  const idFrom = dashed(digits.padEnd(32, '0'));
  let idTo = dashed(digits.padEnd(32, 'f'));
  const found: Listed[] = [];
  while (found.length <= CANDIDATES) {
    const [row] = (await queue.find({ idFrom, idTo }, { limit: 1 })).rows;
    if (row === undefined) return found;
    found.push(row);
    if (row.id === idFrom) return found;
    idTo = before(row.id);
  }
  return found;
}

function before(id: Id): string {
  return dashed((BigInt(`0x${id.replaceAll('-', '')}`) - 1n).toString(16).padStart(32, '0'));
}

function dashed(digits: string): string {
  return digits
    .replace(/^(.{8})(.)/, '$1-$2')
    .replace(/^(.{13})(.)/, '$1-$2')
    .replace(/^(.{18})(.)/, '$1-$2')
    .replace(/^(.{23})(.)/, '$1-$2');
}
