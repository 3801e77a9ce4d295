/** A session over the pipes of a program that keeps its ends open. */
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { ManualClock } from '../../src/runtime/clock.ts';
import { holdSession } from '../../src/submission/smtp/pipe.ts';
import { intakeContext, LIMITS, NOON, RecordingQueue } from './server/harness.ts';

const IDLE = 1000;

interface Held {
  readonly input: PassThrough;
  /** All that was said once the session is over. */
  readonly said: Promise<string>;
  readonly clock: ManualClock;
}

function hold(queue = new RecordingQueue()): Held {
  const clock = new ManualClock(NOON);
  const [input, output] = [new PassThrough(), new PassThrough()];
  const limits = { limits: LIMITS, maxErrors: 20, idleTimeout: IDLE, storageFull: false };
  const held = holdSession(input, output, { intake: intakeContext(queue, { clock }), ...limits });
  return { input, said: held.then(() => String(output.read() ?? '')), clock };
}

test('ends with QUIT, though the program keeps its pipe open and no time passes', async () => {
  const { input, said } = hold();
  input.write('EHLO me\r\nQUIT\r\n');
  expect(await said).toMatch(/^220 .*\r\n221 2\.0\.0 goodbye\r\n$/s);
});

test('ends with our own 421 as well', async () => {
  const { said, clock } = hold();
  clock.moveTo(NOON + IDLE);
  expect(await said).toMatch(/^220 .*\r\n421 4\.4\.2 .*\r\n$/s);
});
