/** Every point of the dialogue against every fault: what comes of the message, what the relay got, and that the next message goes through. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock, systemClock } from '../../src/runtime/clock.ts';
import { SmtpTransport } from '../../src/transport/smtp/smtp.ts';
import type { Content } from '../../src/transport/transport.ts';
import { type Action, drop, halfClose, inTurn, raw, reset, type Script, silence, trickle } from '../relay/actions.ts';
import { type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import { until } from '../support/until.ts';
import { content, kinds, never, streamed, toOne } from './client/mail.ts';

let relay: ScriptedRelay;
let transport: SmtpTransport;
let clock: ManualClock;

beforeEach(async () => {
  relay = await startRelay();
  clock = new ManualClock(1_000_000);
  transport = new SmtpTransport({ host: relay.host, port: relay.port }, { clock });
});

afterEach(async () => {
  const closed = transport.close();
  await relay.close();
  await closed;
});

/** Of this process: both ends of each connection. */
const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

const POINTS = ['connect', 'ehlo', 'mail', 'rcpt', 'data', 'block', 'dot'] as const;
type Row = readonly [string, Action, Record<(typeof POINTS)[number], string>];

const BROKEN = {
  connect: 'deferred relay',
  ehlo: 'deferred relay',
  mail: 'deferred relay',
  rcpt: 'deferred relay',
  data: 'deferred relay',
  block: 'deferred message',
  dot: 'deferred message in doubt',
};

const REPLIES: readonly Row[] = [
  ['421', '421 4.3.2 shutting down', { ...BROKEN, block: 'deferred relay', dot: 'deferred relay' }],
  [
    '451',
    '451 4.3.0 later',
    {
      ...BROKEN,
      mail: 'deferred message',
      rcpt: 'deferred recipient',
      data: 'deferred message',
      dot: 'deferred message',
    },
  ],
  [
    '554',
    '554 5.7.1 no',
    {
      connect: 'deferred relay',
      ehlo: 'sent',
      mail: 'refused message',
      rcpt: 'refused recipient',
      data: 'refused message',
      block: 'refused message',
      dot: 'refused message',
    },
  ],
  [
    'a lost login',
    '535 5.7.8 who are you',
    { ...BROKEN, ehlo: 'sent', block: 'deferred relay', dot: 'deferred relay' },
  ],
];

const BREAKS: readonly Row[] = [
  ['the end of the connection', drop, BROKEN],
  ['a reset', reset, BROKEN],
  ['a half-close', halfClose, BROKEN],
  ['garbage', raw('HTTP/1.1 400 Bad Request\r\n'), BROKEN],
  ['a reply without end', raw('250-and on\r\n'.repeat(6_000)), BROKEN],
];

/** For faults in the middle of a content: it does not come to its end before its outcome is known. */
function endless(known: Promise<unknown>): Content {
  const piece = Buffer.alloc(65_536, 'x');
  return streamed(2 * piece.length, async function* () {
    yield piece;
    await known;
    yield piece;
  });
}

const matrix = [...REPLIES, ...BREAKS].flatMap(([name, action, expected]) =>
  POINTS.map((point) => [name, point, expected[point], action] as const),
);

describe('a fault of the relay', () => {
  test.each(matrix)('%s at %s: %s', async (_name, point, expected, action) => {
    relay.script = { [point]: [action] };
    const { promise: known, resolve } = Promise.withResolvers<void>();
    const outcomes = await transport.send(toOne, point === 'block' ? endless(known) : content(), never);
    resolve();
    expect(kinds(outcomes)).toEqual([expected]);
    expect(relay.received).toHaveLength(point === 'dot' || expected === 'sent' ? 1 : 0);
    await nextGoesThrough();
  });

  const SILENT = POINTS.filter((point) => point !== 'block').flatMap((point) => [
    ['silence', point, BROKEN[point], silence] as const,
    ['a trickle', point, BROKEN[point], trickle('250-still thinking\r\n')] as const,
  ]);

  test.each(SILENT)(
    '%s at %s: %s when the time of RFC 5321 has passed, and not before',
    async (_name, point, expected, action) => {
      const limit = { connect: 300_000, ehlo: 300_000, mail: 300_000, rcpt: 300_000, data: 120_000, dot: 600_000 }[
        point
      ];
      // Without PIPELINING a command is there only when the client waits for its reply and for nothing before it.
      relay.extensions = [];
      relay.script = { [point]: [action] };
      const sending = transport.send(toOne, content(), never);
      let outcomes: string[] | undefined;
      void sending.then((result) => {
        outcomes = kinds(result);
      });
      await relay.until(() => relay.passed(point) > 0);
      await roundTrip();
      clock.moveTo(clock.now() + limit - 1);
      await roundTrip();
      expect(outcomes).toBeUndefined();
      clock.moveTo(clock.now() + 1);
      const [outcome] = await sending;
      expect(outcomes).toEqual([expected]);
      expect(outcome?.reply.text).toMatch(/ within \d+ s/);
      await nextGoesThrough();
    },
  );

  test('no more of the content is taken: the message waits, when the time for a block has passed', async () => {
    transport = new SmtpTransport(
      { host: relay.host, port: relay.port, timeouts: { block: 20 } },
      { clock: systemClock },
    );
    relay.script = { block: [silence] };
    const piece = Buffer.alloc(1024 * 1024, 'x');
    const [outcome] = await transport.send(
      toOne,
      streamed(40 * piece.length, async function* () {
        for (let i = 0; i < 40; i++) yield piece;
      }),
      never,
    );
    expect(outcome).toMatchObject({ kind: 'deferred', scope: 'message', inDoubt: false, reply: { status: '4.4.2' } });
    await nextGoesThrough();
  });

  test('a relay that refuses a large content early and reads no more of it keeps no socket open', async () => {
    const before = sockets();
    relay.script = { block: [inTurn('552 5.3.4 too large', silence)] };
    const piece = Buffer.alloc(1024 * 1024, 'x');
    const [outcome] = await transport.send(
      toOne,
      streamed(40 * piece.length, async function* () {
        for (let i = 0; i < 40; i++) yield piece;
      }),
      never,
    );
    expect(outcome).toMatchObject({ kind: 'refused', scope: 'message', reply: { code: 552 } });
    // The relay's end stays.
    await until(() => sockets() === before + 1);
    await nextGoesThrough();
  });

  test.each<[string, Script, RegExp]>([
    ['greet', { connect: [silence] }, /did not greet \(a port for implicit TLS .* use smtps:\/\/\) within 30 s$/],
    ['answer EHLO', { ehlo: [silence] }, /did not answer EHLO within 30 s$/],
  ])(
    'a relay that does not %s is said to be silent when the time for a look at it is over',
    async (_, script, said) => {
      relay.script = script;
      const looking = transport.verify(never, null, 30_000);
      await relay.until(() => relay.passed('ehlo' in script ? 'ehlo' : 'connect') === 1);
      await roundTrip();
      clock.moveTo(clock.now() + 30_000);
      expect(await looking).toMatchObject({ ok: false, error: { status: '4.4.2', text: expect.stringMatching(said) } });
    },
  );

  test.each<[string, Script, RegExp]>([
    [
      'connect',
      { connect: [raw(`220-${'x'.repeat(70_000)}`)] },
      /^127.0.0.1:\d+ talks on and on: its greeting does not end/,
    ],
    ['ehlo', { ehlo: [raw('250-x\r\n'.repeat(12_000))] }, /: its answer to EHLO does not end within 64 KB/],
    ['dot', { dot: [raw('250-x\r\n'.repeat(12_000))] }, /: its answer to the end of the content does not end/],
  ])('a reply without end at %s is given up at 64 KB, and said to be what it is', async (_, script, said) => {
    relay.script = script;
    const [outcome] = await transport.send(toOne, content(), never);
    expect(outcome?.reply).toMatchObject({ code: 451, status: '4.5.0', text: expect.stringMatching(said) });
    await nextGoesThrough();
  });

  /** What the time so far was to bring has come when another connection has had its turn. */
  async function roundTrip(): Promise<void> {
    const other = new SmtpTransport({ host: relay.host, port: relay.port });
    expect((await other.verify(never)).ok).toBe(true);
    await other.close();
  }

  async function nextGoesThrough(): Promise<void> {
    const before = relay.received.length;
    expect(kinds(await transport.send(toOne, content(), never))).toEqual(['sent']);
    expect(relay.received).toHaveLength(before + 1);
  }
});

describe('a relay that is not there', () => {
  test('is named with its port and what happened', async () => {
    const { port } = relay;
    await relay.close();
    const [outcome] = await transport.send(toOne, content(), never);
    expect(outcome).toMatchObject({
      kind: 'deferred',
      scope: 'relay',
      inDoubt: false,
      reply: { code: 451, status: '4.4.1' },
    });
    expect(outcome?.reply.text).toMatch(new RegExp(`^connect to 127.0.0.1:${port} refused`));
    relay = await startRelay();
  });

  test('is told from a name that nobody knows', async () => {
    const lost = new SmtpTransport({ host: 'no-such-host.invalid', port: 25 });
    const [outcome] = await lost.send(toOne, content(), never);
    expect(outcome).toMatchObject({ kind: 'deferred', scope: 'relay' });
    expect(outcome?.reply.text).toMatch(/^connect to no-such-host.invalid:25 failed: DNS /);
    await lost.close();
  });
});
