/** A relay that misbehaves at random: every message has its outcome, and no content goes out whole twice for one attempt. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Outcome } from '../../src/mail/outcome.ts';
import { DEFAULT_TIMEOUTS } from '../../src/transport/smtp/settings.ts';
import { SmtpTransport } from '../../src/transport/smtp/smtp.ts';
import {
  type Action,
  drop,
  dropAfterUsual,
  halfClose,
  inTurn,
  type Point,
  raw,
  reset,
  type Script,
  usual,
} from '../relay/actions.ts';
import { startRelay } from '../relay/scripted.ts';
import { content, envelope, never } from './client/mail.ts';

const action: fc.Arbitrary<Action> = fc.oneof(
  { arbitrary: fc.constant(usual), weight: 8 },
  fc.constantFrom<Action>(
    drop,
    reset,
    halfClose,
    dropAfterUsual,
    raw('nonsense\r\n'),
    raw('354 go\r\n554 5.7.1 no\r\n'),
    inTurn('421 4.3.2 bye', drop),
    '451 4.3.0 later',
    '550 5.1.1 no',
    '250 ok',
    '354 go',
  ),
);
const actions = fc.array(action, { maxLength: 12 });
const points: readonly Point[] = ['connect', 'ehlo', 'mail', 'rcpt', 'data', 'dot', 'rset'];
const script: fc.Arbitrary<Script> = fc.record(Object.fromEntries(points.map((point) => [point, actions])));

const MESSAGES = 12;

/** A relay that answers too much or too little can leave both sides waiting for each other; then this ends it. */
const SHORT = Object.fromEntries(Object.keys(DEFAULT_TIMEOUTS).map((wait) => [wait, 500]));

test('whatever the relay does, each message has its outcome and goes out whole at most once', async () => {
  await fc.assert(
    fc.asyncProperty(
      script,
      fc.boolean(),
      fc.integer({ min: 1, max: 3 }),
      async (behaviour, pipelining, maxConnections) => {
        const relay = await startRelay({ script: behaviour, extensions: pipelining ? ['PIPELINING'] : [] });
        const transport = new SmtpTransport({
          host: relay.host,
          port: relay.port,
          maxConnections,
          timeouts: SHORT,
        });
        const outcomes = await Promise.all(
          Array.from({ length: MESSAGES }, (_, i) =>
            transport.send(envelope(`r${i}@example.com`), content(`Subject: ${i}\r\n`), never),
          ),
        );
        const copies = (i: number): number =>
          relay.received.filter((message) => message.content.toString() === `Subject: ${i}\r\n`).length;
        for (const [i, [outcome]] of outcomes.entries()) {
          expect(copies(i)).toBeLessThanOrEqual(1);
          if ((outcome as Outcome).kind === 'sent') expect(copies(i)).toBe(1);
        }
        const closed = transport.close();
        await relay.close();
        await closed;
      },
    ),
    { numRuns: 150 },
  );
});
