/** A session over the pipes of a program that keeps its ends open. */
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { ManualClock } from '../../src/runtime/clock.ts';
import { holdSession } from '../../src/submission/smtp/pipe.ts';
import { intakeContext, LIMITS, NOON, RecordingQueue, withoutTrace } from './server/harness.ts';

const IDLE = 1000;
const HEADER = 'Date: d\nMessage-ID: <1@x>\n';

interface Held {
  readonly input: PassThrough;
  /** All that was said once the session is over. */
  readonly said: Promise<string>;
  readonly whole: Promise<boolean>;
  readonly clock: ManualClock;
}

function hold(queue = new RecordingQueue()): Held {
  const clock = new ManualClock(NOON);
  const [input, output] = [new PassThrough(), new PassThrough()];
  const limits = { limits: LIMITS, maxErrors: 20, idleTimeout: IDLE, storageFull: false };
  const held = holdSession(input, output, { intake: intakeContext(queue, { clock, bareLf: 'normalise' }), ...limits });
  return { input, said: held.then(() => String(output.read() ?? '')), whole: held, clock };
}

test('ends with QUIT, though the program keeps its pipe open and no time passes', async () => {
  const { input, said } = hold();
  input.write('EHLO me\r\nQUIT\r\n');
  expect(await said).toMatch(/^220 .*\r\n221 2\.0\.0 goodbye\r\n$/s);
});

test('takes lines that end with LF alone, as here-documents have them', async () => {
  const queue = new RecordingQueue();
  const { input, said } = hold(queue);
  input.end(`EHLO me\nMAIL FROM:<a@b.c>\nRCPT TO:<d@e.f>\nDATA\n${HEADER}\n..\n.\nQUIT\n`);
  expect(await said).toMatch(/\r\n354 .*\r\n250 2\.0\.0 queued as .*\r\n221 /s);
  expect(withoutTrace(queue.kept[0]?.content as Buffer).toString()).toBe(`${HEADER}\n.\n`.replaceAll('\n', '\r\n'));
});

test.each([
  ['DATA\nhello\n', false],
  ['BDAT 5\nhello', false],
  ['BDAT 5 LAST\nhel', false],
  ['DATA\nhello\n.\n', true],
  ['', true],
])('tells whether what the program said is whole: %j', async (content, whole) => {
  const { input, whole: told } = hold();
  input.end(`EHLO me\nMAIL FROM:<a@b.c>\nRCPT TO:<d@e.f>\n${content}`);
  expect(await told).toBe(whole);
});

test('ends with our own 421 as well', async () => {
  const { said, clock } = hold();
  clock.moveTo(NOON + IDLE);
  expect(await said).toMatch(/^220 .*\r\n421 4\.4\.2 .*\r\n$/s);
});
