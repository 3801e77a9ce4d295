/** Tables for people: aligned columns that fit the terminal. */

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  /** Stands in place of `value` where the terminal is too narrow for all columns. */
  readonly short?: (row: Row) => string;
  readonly right?: boolean;
  /** May be cut to this many characters where the terminal is narrow; absent: never cut. */
  readonly least?: number;
  /** Left out where the terminal is too narrow for all; the highest number goes first. */
  readonly drop?: number;
}

const GAP = 2;

/** The lines of the table, titles first. `width` is that of the terminal, or Infinity. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number): readonly string[] {
  const kept = fitting(columns, rows, width);
  const widths = widthsOf(kept, rows, width);
  const line = (cells: readonly string[]): string => {
    const padded = cells.map((cell, i) => {
      const column = kept[i] as Column<Row>;
      return align(cut(cell, widths[i] as number), widths[i] as number, column.right === true);
    });
    return padded.join(' '.repeat(GAP)).trimEnd();
  };
  return [
    line(kept.map((column) => column.title)),
    ...rows.map((row) => line(kept.map((column) => column.value(row)))),
  ];
}

function fitting<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number): readonly Column<Row>[] {
  const least = columns.map((column) => Math.min(column.least ?? Number.POSITIVE_INFINITY, natural(column, rows)));
  if (sum(least) + GAP * (columns.length - 1) <= width) return columns;
  if (columns.some((column) => column.short !== undefined)) return fitting(columns.map(shortOf), rows, width);
  const first = Math.max(...columns.map((column) => column.drop ?? 0));
  return first === 0
    ? columns
    : fitting(
        columns.filter((column) => column.drop !== first),
        rows,
        width,
      );
}

function shortOf<Row>({ short, ...column }: Column<Row>): Column<Row> {
  return short === undefined ? column : { ...column, value: short };
}

/** Takes what is too much from the widest column that may be cut, until all fit. */
function widthsOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number): readonly number[] {
  const widths = columns.map((column) => natural(column, rows));
  let excess = sum(widths) + GAP * (columns.length - 1) - width;
  while (excess > 0) {
    const spare = columns.map((column, i) =>
      column.least !== undefined && (widths[i] as number) > column.least ? (widths[i] as number) : 0,
    );
    const widest = spare.indexOf(Math.max(...spare));
    if (spare[widest] === 0) break;
    widths[widest] = (widths[widest] as number) - 1;
    excess--;
  }
  return widths;
}

function natural<Row>(column: Column<Row>, rows: readonly Row[]): number {
  return rows.reduce((most, row) => Math.max(most, lengthOf(column.value(row))), lengthOf(column.title));
}

function align(text: string, width: number, right: boolean): string {
  const blank = ' '.repeat(Math.max(0, width - lengthOf(text)));
  return right ? blank + text : text + blank;
}

/** Cuts to `width` characters, the last of which is then an ellipsis. */
function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`;
}

function lengthOf(text: string): number {
  return [...text].length;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
