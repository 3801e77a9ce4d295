/** Queries on a connection of mysql2, ours or an application's own: prepared statements, and values in one form. */
import type { Queries, Result, Row, Value } from './database.ts';

/** What we ask of a connection with promises, a pooled one or anything like it. */
export interface MysqlClient {
  execute(options: MysqlQuery): Promise<[unknown, unknown]>;
  query(options: MysqlQuery): Promise<[unknown, unknown]>;
}

/** Whatever the connection would make of values otherwise. */
const FORM = {
  rowsAsArray: false,
  nestTables: false,
  supportBigNumbers: true,
  bigNumberStrings: false,
} as const;

/** How the driver makes values: its own way, or asked for each, which is the only way past a function of the connection's. */
type TypeCast = true | ((field: unknown, next: () => unknown) => unknown);
const OWN_WAY: TypeCast = (_, next) => next();

type MysqlQuery = typeof FORM & {
  readonly typeCast: TypeCast;
  readonly sql: string;
  readonly values: (string | number | Buffer | null)[];
};

export class MysqlQueries implements Queries {
  readonly #client: MysqlClient;
  readonly #prepare: boolean;
  readonly #typeCast: TypeCast;

  /** `prepare`: statements are kept prepared in the session. `others`: an application may have set up the connection as it likes. */
  constructor(client: MysqlClient, prepare: boolean, others = false) {
    this.#typeCast = others ? OWN_WAY : true;
    this.#client = client;
    this.#prepare = prepare;
  }

  async query(sql: string, values: readonly Value[]): Promise<Result> {
    const options = { ...FORM, typeCast: this.#typeCast, sql, values: values.map(sendable) };
    const [result, fields] = this.#prepare ? await this.#client.execute(options) : await this.#client.query(options);
    if (!Array.isArray(result))
      return { rows: [], changed: (result as { readonly affectedRows: number }).affectedRows };
    return { rows: readNames(result as Record<string, Value>[], fields as readonly Field[]), changed: 0 };
  }
}

/** The driver takes only its own kind of octets for octets. */
function sendable(value: Value): string | number | Buffer | null {
  if (!(value instanceof Uint8Array) || Buffer.isBuffer(value)) return value as string | number | Buffer | null;
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

interface Field {
  readonly name: string;
  readonly columnType: number;
  readonly characterSet: number;
}

/** A string of varying length, and the "character set" of octets: VARBINARY, which names are; ids are BINARY and contents BLOB. */
const VAR_STRING = 253;
const OCTETS = 63;

/** Names are kept as octets and meant as texts. */
function readNames(rows: Record<string, Value>[], fields: readonly Field[]): readonly Row[] {
  const names = fields.filter(({ columnType, characterSet }) => columnType === VAR_STRING && characterSet === OCTETS);
  for (const row of rows)
    for (const { name } of names) {
      const value = row[name];
      if (value instanceof Uint8Array) row[name] = Buffer.from(value).toString();
    }
  return rows;
}
