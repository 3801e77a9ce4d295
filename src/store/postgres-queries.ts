/** Queries on a client of pg, ours or an application's own: numbered placeholders, prepared statements, and values in one form. */
import { createHash } from 'node:crypto';
import type { Queries, Result, Row, Value } from './database.ts';

/** What we ask of a client, a pooled client or anything like it. */
export interface PostgresClient {
  query(config: PostgresQuery): Promise<{ readonly rows: readonly unknown[]; readonly rowCount: number | null }>;
}

interface PostgresQuery {
  readonly text: string;
  readonly values: unknown[];
  readonly name?: string;
  /** Whatever the client would make of values otherwise. */
  readonly types: { getTypeParser(oid: number, format?: unknown): (value: string) => unknown };
}

export class PostgresQueries implements Queries {
  readonly #client: PostgresClient;
  readonly #prepare: boolean;

  /** `prepare`: statements are kept prepared in the session, under names. */
  constructor(client: PostgresClient, prepare: boolean) {
    this.#client = client;
    this.#prepare = prepare;
  }

  async query(sql: string, values: readonly Value[]): Promise<Result> {
    const { text, name } = statementOf(sql);
    const { rows, rowCount } = await this.#client.query({
      text,
      values: values.map(sendable),
      ...(this.#prepare && name !== undefined && { name }),
      types: TYPES,
    });
    return { rows: rows as readonly Row[], changed: rowCount ?? 0 };
  }
}

interface Statement {
  readonly text: string;
  readonly name: string | undefined;
}

/** More texts than this come only from lists with odd filters: those stay without a name, because a session keeps what it prepared. */
const MAX_STATEMENTS = 400;
const statements = new Map<string, Statement>();

/** The name says the text, so that it means the same in every process. */
function statementOf(sql: string): Statement {
  const known = statements.get(sql);
  if (known !== undefined) return known;
  const text = numbered(sql);
  if (statements.size >= MAX_STATEMENTS) return { text, name: undefined };
  const made = { text, name: `posthaste_${createHash('sha256').update(sql).digest('hex').slice(0, 24)}` };
  statements.set(sql, made);
  return made;
}

export function numbered(sql: string): string {
  let n = 0;
  return sql.replaceAll('?', () => `$${++n}`);
}

/**
 * PostgreSQL takes no NUL in a text, and mail may have one. It goes as two characters that Unicode keeps for such use and that stand in
 * no text; the first of them, should it come, goes as itself and a third one.
 */
const ESCAPE = '\ufdd0';
const SPECIAL = /[\0\ufdd0]/;

export function sendable(value: Value): Value {
  if (typeof value !== 'string' || !SPECIAL.test(value)) return value;
  return value.replaceAll(ESCAPE, `${ESCAPE}\ufdd2`).replaceAll('\0', `${ESCAPE}\ufdd1`);
}

function readText(text: string): string {
  if (!text.includes(ESCAPE)) return text;
  return text.replaceAll(`${ESCAPE}\ufdd1`, '\0').replaceAll(`${ESCAPE}\ufdd2`, ESCAPE);
}

/**
 * `\x` and two hexadecimal digits for each octet; where somebody set `bytea_output = escape`, characters as they are, a backslash doubled,
 * and the others as a backslash and three octal digits (PostgreSQL's manual, 8.4).
 */
function readBytes(text: string): Uint8Array {
  if (text.startsWith('\\x')) return Buffer.from(text.slice(2), 'hex');
  const plain = text.replaceAll(/\\(\\|\d{3})/g, (_, code: string) =>
    code === '\\' ? code : String.fromCharCode(Number.parseInt(code, 8)),
  );
  return Buffer.from(plain, 'latin1');
}

/** bytea; int8, int2, int4, float8, and numeric, which sums are. */
const BYTES = 17;
const NUMBERS: readonly number[] = [20, 21, 23, 701, 1700];

/** What reads the text of a value, by the type of its column. */
export function readerOf(oid: number): (text: string) => Value {
  if (oid === BYTES) return readBytes;
  return NUMBERS.includes(oid) ? Number : readText;
}

const TYPES: PostgresQuery['types'] = { getTypeParser: readerOf };
