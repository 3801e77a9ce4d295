import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { csvLine, csvRecords } from './csv.ts';

/** In pieces of so many octets. */
async function* pieces(text: string, size: number): AsyncGenerator<Uint8Array, void> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const read = (text: string, size = 7) => Array.fromAsync(csvRecords(pieces(text, size)));

describe('csvRecords', () => {
  test('reads quotes, commas and line breaks in fields, and numbers the first line of each record', async () => {
    expect(await read('a,b\r\n"x, ""y""","one\r\ntwo"\n\n,\r\nlast,')).toEqual([
      { line: 1, fields: ['a', 'b'] },
      { line: 2, fields: ['x, "y"', 'one\r\ntwo'] },
      { line: 5, fields: ['', ''] },
      { line: 6, fields: ['last', ''] },
    ]);
  });

  test('takes no byte order mark for a part of the first field', async () => {
    expect(await read('\ufefftarget\nä@x.org')).toEqual([
      { line: 1, fields: ['target'] },
      { line: 2, fields: ['ä@x.org'] },
    ]);
  });

  test('takes no end of a line that is too long for a record', async () => {
    const text = `target\n${'x'.repeat(150_000)}@example.com\nann@example.com\n`;
    const records = await read(text, 10_000);
    expect(records).toMatchObject([
      { line: 1, fields: ['target'] },
      { line: 2, fault: expect.stringContaining('longer than 65536') },
      { line: 3, fields: ['ann@example.com'] },
    ]);
    expect(records).toHaveLength(3);
  });

  test('names the line of a quote that does not fit, and goes on behind it', async () => {
    expect(await read('a"b"c,1\nfine,2')).toMatchObject([
      { line: 1, fault: 'has a quote in the middle of a field' },
      { line: 2, fields: ['fine', '2'] },
    ]);
    expect(await read('fine,2\n"open,1\nmore')).toMatchObject([
      { line: 1, fields: ['fine', '2'] },
      { line: 2, fault: 'has a quote that is never closed' },
    ]);
  });

  test('keeps no endless record in memory', async () => {
    const faults = (await read(`"${'x\n'.repeat(40_000)}`, 1_000)).filter(({ fault }) => fault !== undefined);
    expect(faults[0]).toMatchObject({ line: 1, fault: expect.stringContaining('longer than 65536') });
    expect((await read('x'.repeat(200_000), 10_000))[0]?.fault).toContain('longer than 65536');
  });
});

describe('csvLine', () => {
  test.each(['=1+1', '+1', '-1', '@example.com', '\tx', '\rx', "'=1", '=HYPERLINK("http://x","y")'])(
    'lets no spreadsheet compute %j',
    (cell) => expect(csvLine([cell])).toMatch(/^"?'/),
  );

  test('is read again as what it was, whatever stands in it', async () => {
    const field = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[='"@,\r\n a-]{0,6}$/));
    const record = fc.array(field, { minLength: 2, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.array(record, { maxLength: 5 }), fc.integer({ min: 1, max: 50 }), async (records, size) => {
        const text = records.map((fields) => csvLine(fields)).join('');
        fc.pre(!text.startsWith('\ufeff') && text.isWellFormed());
        expect((await read(text, size)).map(({ fields }) => fields)).toEqual(records);
      }),
    );
  });
});
