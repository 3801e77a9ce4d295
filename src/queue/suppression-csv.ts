/** The list of suppressions as CSV, in pieces, so that a million lines need no memory. */
import { PosthasteError } from '../errors.ts';
import type { Instant } from '../runtime/clock.ts';
import { type CsvRecord, csvLine, csvRecords } from '../runtime/csv.ts';
import { parseTime } from '../runtime/times.ts';
import type { Suppression } from './store.ts';
import { entryFault, type SuppressionEntry } from './suppression.ts';

/** As they are written. */
export const COLUMNS = ['target', 'reason', 'since', 'until', 'note'] as const;
type Column = (typeof COLUMNS)[number];

/** How mail services call the same in their exports, in lower case. */
const OTHER_NAMES: Readonly<Record<string, Column>> = {
  email: 'target',
  'email address': 'target',
  emailaddress: 'target',
  address: 'target',
  recipient: 'target',
  created: 'since',
  created_at: 'since',
  lastupdatetime: 'since',
  description: 'note',
};

/** Entries in one transaction: submissions go between them. */
const BATCH = 500;
/** Lines that are named; more are only counted. */
const MAX_NAMED = 100;
/** Characters in one piece. */
const PIECE = 32 * 1024;

/** All entries (RFC 4180), as they are read again. */
export async function* suppressionsAsCsv(entries: AsyncIterable<Suppression>): AsyncGenerator<string, void> {
  let lines = csvLine(COLUMNS);
  for await (const entry of entries) {
    lines += csvLine(cellsOf(entry));
    if (lines.length < PIECE) continue;
    yield lines;
    lines = '';
  }
  if (lines !== '') yield lines;
}

function cellsOf({ target, reason, since, until, note }: Suppression): readonly string[] {
  return [target, reason, iso(since), until === null ? '' : iso(until), note ?? ''];
}

function iso(instant: Instant): string {
  return new Date(instant).toISOString();
}

/** A line that is no entry, and why. */
export interface LineFault {
  /** From 1. */
  readonly line: number;
  readonly fault: string;
}

export interface ImportReport {
  /** Entries that are in the list now, or would be. */
  readonly count: number;
  /** Lines that are no entries. */
  readonly refused: number;
  /** The first of them. */
  readonly faults: readonly LineFault[];
}

export interface ImportOptions {
  /** What messages call the text: `list.csv`. */
  readonly source: string;
  readonly now: Instant;
  /** Keeps a part of the entries, in one transaction; the next part is read when it is done. */
  readonly keep: (entries: readonly SuppressionEntry[]) => Promise<void>;
  /** Is told how many there are so far. */
  readonly progress?: (count: number) => void;
}

/**
 * Reads CSV with a header: each line by itself, so that those that are no entries are named and left out. Throws SUPPRESSION_INVALID before
 * anything is kept where the header is none. When it fails later, what was kept before stays.
 */
export async function importSuppressions(
  chunks: AsyncIterable<Uint8Array>,
  { source, now, keep, progress }: ImportOptions,
): Promise<ImportReport> {
  const reader = new EntryReader(now);
  let count = 0;
  let batch: SuppressionEntry[] = [];
  const flush = async (): Promise<void> => {
    await keep(batch);
    count += batch.length;
    batch = [];
    progress?.(count);
  };
  for await (const record of csvRecords(chunks)) {
    const entry = reader.read(record);
    if (entry !== undefined) batch.push(entry);
    if (batch.length >= BATCH) await flush();
  }
  reader.checkHeader(source);
  await flush();
  return { count, refused: reader.refused, faults: reader.faults };
}

class EntryReader {
  readonly #now: Instant;
  #columns: readonly (Column | undefined)[] | undefined;
  #refused = 0;
  readonly #faults: LineFault[] = [];

  constructor(now: Instant) {
    this.#now = now;
  }

  get refused(): number {
    return this.#refused;
  }

  get faults(): readonly LineFault[] {
    return this.#faults;
  }

  /** undefined for the header, and for what is noted as a fault. */
  read({ line, fields, fault }: CsvRecord): SuppressionEntry | undefined {
    if (this.#columns === undefined) this.#columns = headerOf(line, fields, fault);
    else {
      const entry = fault ?? this.#entryOf(fields);
      if (typeof entry !== 'string') return entry;
      this.#refused++;
      if (this.#faults.length < MAX_NAMED) this.#faults.push({ line, fault: entry });
    }
    return undefined;
  }

  checkHeader(source: string): void {
    if (this.#columns === undefined) throw invalid(`${source} is empty: its first line names the columns`);
  }

  /** What is wrong, where something is. */
  #entryOf(fields: readonly string[]): SuppressionEntry | string {
    const columns = this.#columns ?? [];
    if (fields.length > columns.length) return `has ${fields.length} fields, and the header has ${columns.length}`;
    const cell = (name: Column): string => fields[columns.indexOf(name)]?.trim() ?? '';
    const times = { since: timeOf(cell('since')), until: timeOf(cell('until')) };
    for (const [name, time] of Object.entries(times))
      if (time === null)
        return `${name} is ${JSON.stringify(cell(name as Column))}: give a time such as 2027-01-31T12:00:00Z`;
    const { since = this.#now, until } = times as Record<'since' | 'until', Instant | undefined>;
    const entry = {
      target: cell('target'),
      reason: cell('reason') || undefined,
      since,
      until,
      note: cell('note') || null,
    };
    return entryFault(entry) ?? entry;
  }
}

/** undefined where there is none, null for what is no time. */
function timeOf(text: string): Instant | undefined | null {
  return text === '' ? undefined : (parseTime(text) ?? null);
}

function headerOf(line: number, fields: readonly string[], fault: string | undefined): readonly (Column | undefined)[] {
  const columns = fields.map((field): Column | undefined => {
    const name = field.trim().toLowerCase();
    return (
      COLUMNS.find((column) => column === name) ?? (Object.hasOwn(OTHER_NAMES, name) ? OTHER_NAMES[name] : undefined)
    );
  });
  if (fault !== undefined) throw invalid(`line ${line}: ${fault}`);
  if (columns.includes('target')) return columns;
  const found = fields.map((field) => JSON.stringify(field)).join(', ');
  throw invalid(
    `line ${line}: the first line names the columns, one of them target (or email, address); found ${found}`,
  );
}

function invalid(text: string): PosthasteError {
  return new PosthasteError('SUPPRESSION_INVALID', text);
}
