/** Large messages stream through sendmail, and what is cut short leaves nothing. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { cleanEnvironment } from '../support/posthaste.ts';
import { until } from '../support/until.ts';
import { Sandbox } from './sandbox.ts';

const LINE = `${'x'.repeat(76)}\n`;
const BLOCK = Buffer.from(LINE.repeat(1000));
/** 49 MB as they are kept, with CRLF. */
const BLOCKS = 628;

function* largeMessage(): Generator<Buffer> {
  yield Buffer.from('Subject: large\n\n');
  for (let i = 0; i < BLOCKS; i++) yield BLOCK;
}

/** How it ends, and the most that it had in memory, MB. */
async function peakOf(box: Sandbox): Promise<{ code: number; peak: number }> {
  const child = spawn('/usr/bin/time', ['-f', '%M', box.program, 'a@example.com'], {
    env: cleanEnvironment(box.environment),
    stdio: ['pipe', 'inherit', 'pipe'],
  });
  const told = child.stderr.setEncoding('utf8').toArray();
  await pipeline(Readable.from(largeMessage()), child.stdin);
  const [code] = (await once(child, 'close')) as [number];
  return { code, peak: Number((await told).join('').trim().split('\n').at(-1)) / 1000 };
}

describe.skipIf(!existsSync('/usr/bin/time'))('a message of 49 MB', () => {
  test('is taken with less than 150 MB of memory, of which Node.js has a third', async () => {
    using box = new Sandbox();
    const { code, peak } = await peakOf(box);
    expect(code).toBe(0);
    expect((await box.only()).message.size).toBeGreaterThan(BLOCKS * 1000 * 78);
    expect(peak).toBeLessThan(150);
  });
});

/** Resolves when the store holds a part of a content. */
function staged(box: Sandbox): Promise<void> {
  const path = `${box.data}/posthaste.db-wal`;
  return until(() => existsSync(path) && statSync(path).size >= 1_000_000);
}

test.each([
  ['SIGKILL', 1, 'no message, and what it had staged is swept', ['a@example.com'], ''],
  ['SIGTERM', 0, 'nothing behind', ['a@example.com'], ''],
  ['SIGINT', 0, 'nothing behind', ['a@example.com'], ''],
  ['SIGHUP', 0, 'nothing behind', ['a@example.com'], ''],
  ['SIGTERM', 0, 'nothing behind of -bs', ['-bs'], 'EHLO me\nMAIL FROM:<a@b.c>\nRCPT TO:<d@e.f>\nDATA\n'],
] as const)(
  'sendmail that is ended by %s in the middle leaves %i staged: %s',
  async (signal, left, _, args, before) => {
    using box = new Sandbox();
    const child = spawn(box.program, args, {
      env: cleanEnvironment(box.environment),
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    child.stdin.on('error', () => undefined);
    for (const block of [Buffer.from(`${before}Subject: large\n\n`), ...new Array<Buffer>(60).fill(BLOCK)])
      child.stdin.write(block);
    await staged(box);
    child.kill(signal);
    expect(await once(child, 'close')).toEqual([null, signal]);
    expect(await box.kept()).toEqual([]);
    const store = await openStore(`${box.data}/posthaste.db`, { here: true });
    expect(await store.sweepStaged(Date.now() + 1)).toBe(left);
    await store.close();
  },
);
