import { expect, test } from 'vitest';
import { idFromBytes, idToBytes, isId, newId } from './id.ts';

test('an id is a UUIDv7 of its time', () => {
  const now = Date.UTC(2030, 0, 1);
  const id = newId(now);
  expect(isId(id)).toBe(true);
  expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(now);
});

test('ids rise strictly, also inside one millisecond and when the clock steps back', () => {
  const now = Date.UTC(2031, 0, 1);
  const ids = Array.from({ length: 10_000 }, (_, i) => newId(i < 9000 ? now : now - 5000));
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});

test('an id survives the way through its 16 bytes', () => {
  const id = newId(Date.UTC(2032, 0, 1));
  expect(idToBytes(id)).toHaveLength(16);
  expect(idFromBytes(idToBytes(id))).toBe(id);
});

test.each([
  '',
  'x',
  '019b0000-0000-4000-8000-000000000001',
  "019b0000-0000-7000-8000-00000000000'",
  '../../etc/passwd',
])('%j is no id', (text) => {
  expect(isId(text)).toBe(false);
});
