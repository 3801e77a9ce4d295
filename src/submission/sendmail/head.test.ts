import { describe, expect, test } from 'vitest';
import { Head } from './head.ts';

const LIMIT = 4096;

function headOf(text: string, step = text.length): Head {
  const head = new Head(LIMIT);
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += step) head.push(bytes.subarray(at, at + step));
  return head;
}

describe('with one more line,', () => {
  const cases = [
    ['Subject: x\r\n\r\nbody\r\n', 'Subject: x\r\nX: y\r\n\r\nbody\r\n'],
    ['Subject: x\r\n folded\r\n\r\n', 'Subject: x\r\n folded\r\nX: y\r\n\r\n'],
    ['Subject: x\r\n', 'Subject: x\r\nX: y\r\n'],
    ['', 'X: y\r\n'],
    ['\r\nbody\r\n', 'X: y\r\n\r\nbody\r\n'],
    ['just a text\r\n', 'X: y\r\n\r\njust a text\r\n'],
    ['  indented: text\r\n', 'X: y\r\n\r\n  indented: text\r\n'],
    ['Subject: x\r\nno header any more\r\n', 'Subject: x\r\nX: y\r\n\r\nno header any more\r\n'],
    ['From ann Sun Nov 22 06:00:00 2026\r\nSubject: x\r\n\r\n', 'Subject: x\r\nX: y\r\n\r\n'],
    ['>From ann Sun Nov 22 06:00:00 2026\r\ntext\r\n', 'X: y\r\n\r\ntext\r\n'],
  ] as const;
  test.each(cases)('%j is %j', (text, expected) => {
    expect(headOf(text).with('X: y\r\n').toString()).toBe(expected);
  });

  test.each(cases)('%j is the same however its octets come', (text, expected) => {
    expect(headOf(text, 1).with('X: y\r\n').toString()).toBe(expected);
  });
});

test('fields have their names in lower case and their values as they are, in UTF-8 or latin1', () => {
  const head = headOf('To: Jürgen\r\n <j@m.de>\r\nBCC : a@b\r\n\r\nCc: body\r\n');
  expect(head.fields).toEqual([
    { name: 'to', value: ' Jürgen\r\n <j@m.de>' },
    { name: 'bcc', value: ' a@b' },
  ]);
  const old = new Head(LIMIT);
  old.push(Buffer.from('To: J\xfcrgen <j@m.de>\r\n\r\n', 'latin1'));
  expect(old.fields[0]?.value).toBe(' Jürgen <j@m.de>');
});

test('a text of one long line is not gathered in search of a header', () => {
  const head = new Head(LIMIT);
  expect(head.push(Buffer.alloc(2000, 'x'))).toBe(true);
  expect(head.tooLarge).toBe(false);
  expect(head.with('').length).toBe(2002);
});

test('a header beyond its limit is told, and gathered no further', () => {
  const head = new Head(LIMIT);
  expect(head.push(Buffer.from('X-Long: x\r\n'.repeat(1000)))).toBe(true);
  expect(head.tooLarge).toBe(true);
});

test('a single field that never ends is told too', () => {
  const head = new Head(LIMIT);
  let over = false;
  for (let i = 0; i < 100 && !over; i++) over = head.push(Buffer.alloc(1024, i === 0 ? 'a:' : 'x'));
  expect(head.tooLarge).toBe(true);
});
