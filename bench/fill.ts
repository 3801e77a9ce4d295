/** Millions of rows in minutes: the database itself copies what the store wrote, so that each has the form of real ones. */
import type { Store } from '../src/queue/store.ts';
import { type Id, idToBytes } from '../src/runtime/id.ts';
import type { Queries } from '../src/store/database.ts';
import { openDatabase } from '../src/store/open.ts';
import { claimSome, newMessage, RELAY, sent } from './messages.ts';

/** Copies in one transaction, by four digits. */
const AT_ONCE = 10_000;
/** Milliseconds from one to the next, as on a busy server: ids and times rise. */
export const APART = 2;
/** Milliseconds from its submission to its attempt, and to its expiry. */
const TRIED = 1_000;
const KEPT = 432_000_000;
/** Of the templates, from which nobody takes mail but to make them. */
const PATTERN = 'pattern';

/** What each engine calls it. */
interface Words {
  hex(number: string, digits: number): string;
  bytes(hex: string): string;
  text(parts: readonly string[]): string;
}

const piped = (parts: readonly string[]): string => parts.join(' || ');
const WORDS: Readonly<Record<string, Words>> = {
  PostgreSQL: {
    hex: (number, digits) => `lpad(to_hex(${number}), ${digits}, '0')`,
    bytes: (hex) => `decode(${hex}, 'hex')`,
    text: piped,
  },
  SQLite: {
    hex: (number, digits) => `printf('%0${digits}x', ${number})`,
    bytes: (hex) => `unhex(${hex})`,
    text: piped,
  },
};
const MYSQL_WORDS: Words = {
  hex: (number, digits) => `LPAD(LOWER(HEX(${number})), ${digits}, '0')`,
  bytes: (hex) => `UNHEX(${hex})`,
  text: (parts) => `CONCAT(${parts.join(', ')})`,
};

const DIGIT = Array.from({ length: 10 }, (_, d) => `SELECT ${d} AS d`).join(' UNION ALL ');
const NUMBERS = `(SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d AS m FROM ${['a', 'b', 'c', 'e'].map((name) => `(${DIGIT}) AS ${name}`).join(', ')}) AS numbers`;

export interface Kind {
  readonly tables: readonly string[];
  /** Of the message that is copied. */
  readonly pattern: Id;
  /** When the first copy came. */
  readonly since: number;
}

const TABLES = ['posthaste_messages', 'posthaste_deliveries'];

/** Copies of it are due since then. */
export async function waitingKind(store: Store, content: Uint8Array, since: number): Promise<Kind> {
  return { tables: TABLES, pattern: await submitted(store, content), since };
}

/** Copies of it went out then, at the first attempt. */
export async function finishedKind(store: Store, content: Uint8Array, since: number): Promise<Kind> {
  const pattern = await submitted(store, content);
  await store.settle(sent(await claimSome(store, 1, PATTERN)), Date.now());
  return { tables: [...TABLES, 'posthaste_attempts'], pattern, since };
}

async function submitted(store: Store, content: Uint8Array): Promise<Id> {
  const message = newMessage(0, content, PATTERN);
  await store.insert([message], Date.now());
  return message.message.id;
}

/** Copies `from` (inclusive) to `to` of a kind; tells after each transaction how many are there. */
export async function fill(
  url: string,
  kind: Kind,
  from: number,
  to: number,
  tell: (n: number) => void = () => undefined,
): Promise<void> {
  const { database, dialect, close } = await openDatabase(url);
  const words = WORDS[dialect.engine] ?? MYSQL_WORDS;
  const fillTable = async (table: string): Promise<void> => {
    for (let n = from; n < to; n += AT_ONCE) {
      const count = Math.min(AT_ONCE, to - n);
      await database.transaction((tx) => copy(tx, words, table, kind, n, count), { commit: 'unsynced' });
      if (table === 'posthaste_deliveries') tell(n + count);
    }
  };
  try {
    await Promise.all(kind.tables.map(fillTable));
  } finally {
    await close();
  }
}

async function copy(
  tx: Queries,
  words: Words,
  table: string,
  { pattern, since }: Kind,
  from: number,
  count: number,
): Promise<void> {
  const { rows } = await tx.query(`SELECT * FROM ${table} WHERE id = ?`, [idToBytes(pattern)]);
  const changed = changedBy(words, from, since);
  const columns = Object.entries(rows[0] ?? {}).map(([name, value]) => [name, changed(name, value)] as const);
  const names = columns.map(([name]) => name).join(', ');
  const values = columns.map(([, value]) => value).join(', ');
  const sql = `INSERT INTO ${table} (${names}) SELECT ${values} FROM ${table}, ${NUMBERS} WHERE id = ? AND m < ${count} ORDER BY m`;
  await tx.query(sql, [idToBytes(pattern)]);
}

/** What the copy of number `from + m` has in a column in place of what its pattern has. */
function changedBy(words: Words, from: number, since: number): (column: string, value: unknown) => string {
  const { hex, bytes, text } = words;
  const time = (after: number): string => `(${since + APART * from + after} + ${APART} * m)`;
  // The remainders are taken here too, because numbers without a fraction may be of 32 bits there.
  const user = `(${(from * 7_919) % 1_000_003} + m * 7919) % 1000003`;
  const tail = hex(`(${from} + m)`, 15);
  const id = (after: number): string => text([hex(time(after), 12), "'70008'", tail]);
  const host = text(["'example'", `(m % 50)`, "'.org'"]);
  const messageId = text(["'<'", id(0), "'@example.com>'"]);
  const columns: Readonly<Record<string, string>> = {
    id: bytes(id(0)),
    token: bytes(id(TRIED)),
    message_id: messageId,
    message_id_key: messageId,
    recipient: text(["'user'", `(${user})`, "'@'", host]),
    recipient_key: text([host, "'@user'", `(${user})`]),
    relay: `'${RELAY}'`,
    created_at: time(0),
    due_at: time(0),
    started_at: time(TRIED),
    last_attempt_at: time(TRIED),
    changed_at: time(TRIED),
    expires_at: time(KEPT),
  };
  return (column, value) => (value === null ? 'NULL' : (columns[column] ?? column));
}
