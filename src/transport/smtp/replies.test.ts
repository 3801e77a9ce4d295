import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ReplyReader } from './replies.ts';

const read = (text: string): unknown[] => new ReplyReader().read(Buffer.from(text));

describe('replies', () => {
  test('several come out of one piece', () => {
    expect(read('250 2.1.0 ok\r\n250 ok\r\n354 go\r\n')).toEqual([
      { code: 250, status: '2.1.0', text: 'ok' },
      { code: 250, text: 'ok' },
      { code: 354, text: 'go' },
    ]);
  });

  test('lines of one reply are joined', () => {
    expect(read('550-5.7.1 not\r\n550-5.7.1 you\r\n550 5.7.1 today\r\n')).toEqual([
      { code: 550, status: '5.7.1', text: 'not\nyou\ntoday' },
    ]);
  });

  test('a code alone is a reply', () => {
    expect(read('250\r\n')).toEqual([{ code: 250, text: '' }]);
  });

  test('UTF-8 is read as such', () => {
    expect(read('550 kein Empfänger\r\n')).toEqual([{ code: 550, text: 'kein Empfänger' }]);
  });

  test.each(['199 no', '600 no', '25 no', 'hello', '', '2500 no', '250_no'])(
    '%j is malformed, and nothing is read behind it',
    (line) => {
      expect(read(`${line}\r\n250 ok\r\n`)).toEqual([{ malformed: line }]);
    },
  );

  test('a line of 60 KB is read, and its beginning counts', () => {
    const reader = new ReplyReader();
    reader.read(Buffer.from('250 '));
    for (let i = 0; i < 6; i++) expect(reader.read(Buffer.alloc(10_000, 'x'))).toEqual([]);
    const [reply] = reader.read(Buffer.from('\r\n'));
    expect(reply).toEqual({ code: 250, text: 'x'.repeat(2044) });
  });

  test('a reply of many lines is read, and the first hundred are kept', () => {
    const [reply] = new ReplyReader().read(Buffer.from(`${'250-x\r\n'.repeat(1000)}250 end\r\n`));
    expect((reply as { text: string }).text).toBe(Array(100).fill('x').join('\n'));
  });

  test.each([
    ['a line without end', `220-${'x'.repeat(70_000)}`],
    ['lines without end', '220-x\r\n'.repeat(10_000)],
    ['a last line that ends too late', `220 ${'x'.repeat(70_000)}\r\n250 ok\r\n`],
  ])('%s: the reply is given up at 64 KB', (_name, text) => {
    expect(read(text)).toEqual([{ endless: true }]);
  });

  test('what is no reply is malformed, however long it is', () => {
    expect(read(`<html>${'x'.repeat(70_000)}`)).toEqual([{ malformed: `<html>${'x'.repeat(2042)}` }]);
  });

  test('many replies one after the other are not one without end', () => {
    expect(read('250 ok\r\n'.repeat(20_000))).toHaveLength(20_000);
  });

  test('any split of the bytes gives the same replies', () => {
    const line = fc
      .tuple(fc.constantFrom('250 ', '250-', '550 ', 'x'), fc.string({ maxLength: 10 }))
      .map(([lead, text]) => `${lead}${text}\r\n`);
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat(200)), (lines, cuts) => {
        const bytes = Buffer.from(lines.join(''));
        const at = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        const reader = new ReplyReader();
        const replies: unknown[] = [];
        for (const [i, end] of at.slice(1).entries()) {
          if (replies.some((reply) => !('code' in (reply as object)))) break;
          replies.push(...reader.read(bytes.subarray(at[i], end)));
        }
        expect(replies).toEqual(new ReplyReader().read(bytes));
      }),
    );
  });
});
