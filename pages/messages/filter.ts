/** What is looked for: in the address of the page, in words that people write, and as the API takes it. Pure. */

/** Under the names that the API has for them. */
const FIELDS = [
  'text',
  'state',
  'deferred',
  'inDoubt',
  'recipient',
  'sender',
  'subject',
  'messageId',
  'tag',
  'relay',
  'reason',
  'key',
  'reports',
  'createdAfter',
  'createdBefore',
  'order',
] as const;

type Field = (typeof FIELDS)[number];

/** Only fields that say something. */
export type Filter = { readonly [Name in Field]?: string };

export function filterOfUrl(search: string): Filter {
  const given = new URLSearchParams(search);
  return clean(Object.fromEntries(FIELDS.map((field) => [field, given.get(field) ?? ''])));
}

export function urlOfFilter(filter: Filter): string {
  const text = new URLSearchParams(clean(filter) as Record<string, string>).toString();
  return text === '' ? '/messages' : `/messages?${text}`;
}

function clean(filter: Readonly<Record<string, string | undefined>>): Filter {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined && value !== ''));
}

/** Without the order, which finds nothing: what counts and actions are given. */
export function conditionsOf({ order: _, ...filter }: Filter): Filter {
  return filter;
}

/** The body of an action has its states as a list, its flags and its times as what they are. */
export function actionFilterOf(filter: Filter): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(conditionsOf(filter)).map(([name, value]) => [name, name === 'state' ? value.split(',') : value]),
  );
}

/** How each is written before a colon. */
const WORDS: Readonly<Record<string, Field>> = {
  to: 'recipient',
  from: 'sender',
  subject: 'subject',
  id: 'messageId',
  tag: 'tag',
  relay: 'relay',
  reason: 'reason',
  key: 'key',
};

export const OPERATORS = Object.keys(WORDS);

const NAMES = new Map(Object.entries(WORDS).map(([word, field]) => [field, word]));

/** `to:@example.org invoice "two words"`: what has no word before it is looked for everywhere. */
export function filterOfWords(words: string, before: Filter): Filter {
  const kept = Object.fromEntries(
    Object.entries(before).filter(([name]) => name !== 'text' && !NAMES.has(name as Field)),
  );
  const found: Partial<Record<Field, string>> = {};
  const rest: string[] = [];
  for (const [, word = '', quoted, plain] of words.matchAll(/(?:(\w+):)?(?:"([^"]*)"?|(\S+))/g)) {
    const field = WORDS[word.toLowerCase()];
    const value = quoted ?? plain ?? '';
    if (field !== undefined) found[field] = value;
    else rest.push(word === '' ? value : `${word}:${value}`);
  }
  return clean({ ...kept, ...found, text: rest.join(' ') });
}

export function wordsOfFilter(filter: Filter): string {
  const named = Object.entries(filter).flatMap(([field, value]) => {
    const word = NAMES.get(field as Field);
    return word === undefined ? [] : [`${word}:${/\s/.test(value) ? `"${value}"` : value}`];
  });
  return [...named, filter.text ?? ''].join(' ').trim();
}

/** Nothing but a look at each delivery finds these: how many there are is known at the end. */
export function isSearch({ text, subject, tag }: Filter): boolean {
  return text !== undefined || subject !== undefined || tag !== undefined;
}

/** Up to where a search has come: ids, of which cursors are made, begin with their time. */
export function timeOfCursor(cursor: string): number {
  return Number.parseInt(cursor.replace('-', '').slice(0, 12), 16);
}
