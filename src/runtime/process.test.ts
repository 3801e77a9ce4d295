import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { isAlive, placeOf } from './process.ts';

test('this process lives', () => {
  expect(isAlive(process.pid)).toBe(true);
});

test('a process that ended does not', async () => {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(child, 'close');
  expect(isAlive(child.pid as number)).toBe(false);
});

test('the same host has the same place', () => {
  expect(placeOf('a')).toBe(placeOf('a'));
  expect(placeOf('a')).not.toBe(placeOf('b'));
});
