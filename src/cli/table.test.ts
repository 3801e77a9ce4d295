import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Column, table } from './table.ts';

interface Row {
  readonly id: string;
  readonly to: string;
  readonly size: string;
}

const columns: readonly Column<Row>[] = [
  { title: 'ID', value: (row) => row.id },
  { title: 'SIZE', value: (row) => row.size, right: true, drop: 1 },
  { title: 'TO', value: (row) => row.to, least: 5 },
];
const rows: readonly Row[] = [
  { id: 'a', to: 'bob@example.com', size: '12 B' },
  { id: 'bbb', to: 'x', size: '2.1 kB' },
];

test('columns are aligned', () => {
  expect(table(columns, rows, Number.POSITIVE_INFINITY)).toEqual([
    'ID     SIZE  TO',
    'a      12 B  bob@example.com',
    'bbb  2.1 kB  x',
  ]);
});

test('a narrow terminal cuts what may be cut', () => {
  expect(table(columns, rows, 20)[1]).toBe('a      12 B  bob@ex…');
});

test('a narrow one shortens what may be shortened before it loses a column', () => {
  const [id, ...others] = columns as [Column<Row>, ...Column<Row>[]];
  const shortened = [{ ...id, short: (row: Row) => row.id.slice(0, 1) }, ...others];
  expect(table(shortened, rows, 18)[2]).toBe('bbb  2.1 kB  x');
  expect(table(shortened, rows, 17)[2]).toBe('b   2.1 kB  x');
});

test('a very narrow one loses columns', () => {
  expect(table(columns, rows, 12)).toEqual(['ID   TO', 'a    bob@ex…', 'bbb  x']);
});

test('no line is wider than the terminal as long as the fixed columns fit', () => {
  const row = fc.record({ id: fc.string({ maxLength: 8 }), to: fc.string(), size: fc.string() });
  fc.assert(
    fc.property(fc.array(row), fc.integer({ min: 16, max: 100 }), (some, width) => {
      for (const line of table(columns, some, width)) expect([...line].length).toBeLessThanOrEqual(width);
    }),
  );
});
