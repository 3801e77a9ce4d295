import fc from 'fast-check';
import { expect, test } from 'vitest';
import { partOf } from './share.ts';

const part = (limit: number, held: number, others: readonly number[], node = 'm') =>
  partOf(
    limit,
    { node, connections: held },
    others.map((connections, i) => ({ node: i === 0 ? 'a' : `z${i}`, connections })),
  );

test('one process has all', () => expect(part(20, 0, [])).toEqual({ connections: 20, settled: true }));
test('one that comes gets what is free, and asks again', () =>
  expect(part(20, 0, [15])).toEqual({ connections: 5, settled: false }));
test('one that comes where nothing is free gets nothing yet', () =>
  expect(part(20, 0, [20])).toEqual({ connections: 0, settled: false }));
test('one that has more than its part is to give it up, and asks again', () =>
  expect(part(20, 20, [0])).toEqual({ connections: 10, settled: false }));
test('parts that cannot be equal: the older process has the larger', () => {
  expect(part(5, 0, [0], 'A')).toEqual({ connections: 3, settled: true });
  expect(part(5, 0, [0], 'm')).toEqual({ connections: 2, settled: true });
});
test('with more processes than connections the youngest get none, and need not ask again', () =>
  expect(part(2, 0, [1, 0], 'zz')).toEqual({ connections: 0, settled: true }));
test('a limit that became lower takes from all', () =>
  expect(part(4, 10, [10])).toEqual({ connections: 2, settled: false }));

/** Each process asks in turn, holds what it held until it has given it up, and gives up what it was told to. */
test('in any order of asking, coming and going the sum never exceeds the limit, and in the end all have their parts', () => {
  const asking = fc.array(fc.record({ who: fc.nat(4), gone: fc.boolean(), obeys: fc.boolean() }), { maxLength: 60 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), asking, (limit, steps) => {
      const held = new Map<string, number>();
      const ask = (node: string, obeys: boolean): boolean => {
        const others = [...held].filter(([other]) => other !== node);
        const own = held.get(node) ?? 0;
        const { connections, settled } = partOf(
          limit,
          { node, connections: own },
          others.map(([other, count]) => ({ node: other, connections: count })),
        );
        held.set(node, obeys ? connections : Math.max(own, connections));
        return settled;
      };
      const sum = (): number => [...held.values()].reduce((total, count) => total + count, 0);
      for (const { who, gone, obeys } of steps) {
        if (gone) held.delete(`p${who}`);
        else ask(`p${who}`, obeys);
        expect(sum()).toBeLessThanOrEqual(limit);
      }
      for (let round = 0; round < 3; round++) for (const node of [...held.keys()]) ask(node, true);
      expect([...held.keys()].every((node) => ask(node, true))).toBe(true);
      if (held.size > 0) expect(sum()).toBe(limit);
      if (held.size <= limit) expect([...held.values()].every((count) => count >= 1)).toBe(true);
    }),
  );
});
