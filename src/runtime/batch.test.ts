import { expect, test } from 'vitest';
import { Batch } from './batch.ts';

/** A flush that waits to be let through, and records what came. */
function gate() {
  const flushes: number[][] = [];
  const open: (() => void)[] = [];
  const flush = async (items: readonly number[]): Promise<number[]> => {
    flushes.push([...items]);
    await new Promise<void>((resolve) => open.push(resolve));
    return items.map((item) => item * 10);
  };
  return { flushes, flush, letThrough: () => open.shift()?.() };
}

test('what arrives during a flush goes together into the next', async () => {
  const { flushes, flush, letThrough } = gate();
  const batch = new Batch(flush, { maxItems: 10 });
  const first = batch.add(1);
  await Promise.resolve();
  const later = [batch.add(2), batch.add(3)];
  letThrough();
  expect(await first).toBe(10);
  letThrough();
  expect(await Promise.all(later)).toEqual([20, 30]);
  expect(flushes).toEqual([[1], [2, 3]]);
});

test('what is added in one turn of the event loop goes together', async () => {
  const { flushes, flush, letThrough } = gate();
  const batch = new Batch(flush, { maxItems: 10 });
  const both = [batch.add(1), batch.add(2)];
  await Promise.resolve();
  letThrough();
  await Promise.all(both);
  expect(flushes).toEqual([[1, 2]]);
});

test('a flush carries no more than maxItems', async () => {
  const sizes: number[] = [];
  const batch = new Batch(
    async (items: readonly number[]) => {
      sizes.push(items.length);
      return items;
    },
    { maxItems: 3 },
  );
  expect(await Promise.all([1, 2, 3, 4, 5, 6, 7].map((item) => batch.add(item)))).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(sizes).toEqual([3, 3, 1]);
});

test('a failed flush fails its own items and no others', async () => {
  let calls = 0;
  const batch = new Batch(
    async (items: readonly number[]) => {
      if (++calls === 1) throw new Error('disk full');
      return items;
    },
    { maxItems: 1 },
  );
  const results = await Promise.allSettled([batch.add(1), batch.add(2)]);
  expect(results.map((result) => result.status)).toEqual(['rejected', 'fulfilled']);
});

test('of a failed flush each item may be tried alone: only those that fail by themselves fail', async () => {
  const flushes: (readonly number[])[] = [];
  const batch = new Batch(
    async (items: readonly number[]) => {
      flushes.push(items);
      if (items.includes(2)) throw new Error('no 2');
      return items;
    },
    { maxItems: 10, apart: true },
  );
  const results = await Promise.allSettled([1, 2, 3].map((item) => batch.add(item)));
  expect(results).toEqual([
    { status: 'fulfilled', value: 1 },
    { status: 'rejected', reason: new Error('no 2') },
    { status: 'fulfilled', value: 3 },
  ]);
  expect(flushes).toEqual([[1, 2, 3], [1], [2], [3]]);
  expect(await batch.add(4)).toBe(4);
});
