/** CSV by RFC 4180, in pieces of any size: records with the number of their first line, and fields that no spreadsheet computes. */

export interface CsvRecord {
  /** Of its first line, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
  /** What is wrong with it, in words; its fields are then not to be trusted. */
  readonly fault?: string;
}

/** Characters of one record: a quote that is never closed must not bring the rest of a file into memory. */
const MAX_RECORD = 64 * 1024;

/** What a spreadsheet takes for the beginning of a formula; ours get an apostrophe before it, and lose it when they are read. */
const FORMULA = /^'*[=+\-@\t\r\n]/;

export function csvLine(fields: readonly string[]): string {
  return `${fields.map(csvField).join(',')}\r\n`;
}

function csvField(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function meant(field: string): string {
  return field.startsWith("'") && FORMULA.test(field) ? field.slice(1) : field;
}

/** Lines may end with LF alone, and a byte order mark is no part of the first field. Empty lines are no records. */
export async function* csvRecords(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<CsvRecord, void> {
  const lines = new LineReader();
  const decoder = new TextDecoder();
  for await (const chunk of chunks) yield* lines.push(decoder.decode(chunk, { stream: true }));
  yield* lines.push(decoder.decode());
  yield* lines.end();
}

class LineReader {
  #rest = '';
  #line = 0;
  /** The beginning of a record that goes on behind a line break. */
  #open: { readonly line: number; readonly text: string } | undefined;
  /** The beginning of this line was too long already: its end is no record. */
  #cut = false;

  *push(text: string): Generator<CsvRecord, void> {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) yield* this.#take(`${line}\n`);
    if (this.#rest.length <= MAX_RECORD) return;
    this.#rest = '';
    this.#open = undefined;
    if (!this.#cut) yield { line: this.#line + 1, fields: [], fault: tooLong };
    this.#cut = true;
  }

  *end(): Generator<CsvRecord, void> {
    if (this.#rest !== '') yield* this.#take(this.#rest);
    if (this.#open !== undefined)
      yield { line: this.#open.line, fields: [], fault: 'has a quote that is never closed' };
  }

  *#take(text: string): Generator<CsvRecord, void> {
    this.#line++;
    if (this.#cut) {
      this.#cut = false;
      return;
    }
    const { line, text: before } = this.#open ?? { line: this.#line, text: '' };
    const whole = before + text;
    this.#open = undefined;
    if (whole.length > MAX_RECORD) yield { line, fields: [], fault: tooLong };
    else if (isOpen(whole)) this.#open = { line, text: whole };
    else if (whole.trim() !== '') yield recordOf(line, whole);
  }
}

const tooLong = `is longer than ${MAX_RECORD} characters: is a quote missing before it?`;

/** Quotes inside of a quoted field are doubled, so that an odd number of them means that one is open. */
function isOpen(text: string): boolean {
  let quotes = 0;
  for (let at = text.indexOf('"'); at !== -1; at = text.indexOf('"', at + 1)) quotes++;
  return quotes % 2 === 1;
}

const FIELD = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/gy;

function recordOf(line: number, whole: string): CsvRecord {
  const text = whole.replace(/\r?\n$/, '');
  const fields: string[] = [];
  FIELD.lastIndex = 0;
  for (;;) {
    const match = FIELD.exec(text);
    if (match === null) return { line, fields, fault: 'has a quote in the middle of a field' };
    fields.push(meant(match[1]?.replaceAll('""', '"') ?? match[2] ?? ''));
    if (match[3] === '') return { line, fields };
  }
}
