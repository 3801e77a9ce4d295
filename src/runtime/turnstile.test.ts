import { expect, test } from 'vitest';
import { Turnstile } from './turnstile.ts';

test('lets so many through at once, the others in order, and goes on after a failure', async () => {
  const turnstile = new Turnstile(2);
  const begun: number[] = [];
  const gates: (() => void)[] = [];
  const pass = (n: number): Promise<number> =>
    turnstile.pass(async () => {
      begun.push(n);
      await new Promise<void>((resolve) => gates.push(resolve));
      if (n === 1) throw new Error('one');
      return n;
    });
  const passes = [1, 2, 3, 4].map(pass);
  const settled = Promise.allSettled(passes);
  expect(begun).toEqual([1, 2]);
  gates[0]?.();
  await expect(passes[0]).rejects.toThrow('one');
  await expect.poll(() => begun).toEqual([1, 2, 3]);
  gates[1]?.();
  await expect.poll(() => begun).toEqual([1, 2, 3, 4]);
  for (const open of gates) open();
  expect((await settled).map((result) => result.status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
});
