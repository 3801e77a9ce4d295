/** Connections to a relay: how many, how long, what goes over them together, and how jobs end when they do not reach their end. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/runtime/clock.ts';
import type { SmtpOptions } from '../../src/transport/smtp/options.ts';
import { SmtpTransport } from '../../src/transport/smtp/smtp.ts';
import { drop, dropAfterUsual, raw, when } from '../relay/actions.ts';
import { type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import { until } from '../support/until.ts';
import { content, envelope, kinds, never, streamed, toOne } from './client/mail.ts';

let relay: ScriptedRelay;
let transport: SmtpTransport;
let clock: ManualClock;

function open(options: Partial<SmtpOptions> = {}): SmtpTransport {
  transport = new SmtpTransport({ host: relay.host, port: relay.port, ...options }, { clock });
  return transport;
}

beforeEach(async () => {
  relay = await startRelay();
  clock = new ManualClock(1_000_000);
  open();
});

afterEach(async () => {
  const closed = transport.close();
  await relay.close();
  await closed;
});

const send = (signal = never): Promise<string[]> => transport.send(toOne, content(), signal).then(kinds);
const sendMany = (count: number): Promise<string[][]> => Promise.all(Array.from({ length: count }, () => send()));
const sent = (count: number): string[][] => Array.from({ length: count }, () => ['sent']);

/** A promise and the way to let it come true. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

describe('connections', () => {
  test('one is enough for messages that come one after the other', async () => {
    for (let i = 0; i < 5; i++) expect(await send()).toEqual(['sent']);
    expect(relay.connections).toHaveLength(1);
    expect(relay.passed('ehlo')).toBe(1);
  });

  test('there are as many as messages that wait, and no more', async () => {
    const held = gate();
    relay.script = { mail: when(held.opened) };
    const sending = sendMany(3);
    await relay.until(() => relay.passed('mail') === 3);
    held.open();
    expect(await sending).toEqual(sent(3));
    expect(relay.connections).toHaveLength(3);
  });

  test('their number has a limit', async () => {
    open({ maxConnections: 2 });
    const held = gate();
    relay.script = { mail: when(held.opened) };
    const sending = sendMany(20);
    await relay.until(() => relay.passed('mail') === 2);
    held.open();
    expect(await sending).toEqual(sent(20));
    expect(relay.connections).toHaveLength(2);
  });

  test('the first must stand before there is a second', async () => {
    const held = gate();
    relay.script = { connect: [when(held.opened)] };
    const sending = sendMany(10);
    await relay.until(() => relay.passed('connect') === 1);
    await new SmtpTransport({ host: relay.host, port: relay.port }).verify(never);
    expect(relay.connections).toHaveLength(2);
    held.open();
    expect(await sending).toEqual(sent(10));
  });

  test('a relay that refuses everybody sees one attempt, and all who waited hear why', async () => {
    relay.script = { connect: '554 5.7.1 not you' };
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => transport.send(toOne, content(), never)));
    for (const [outcome] of outcomes) {
      expect(outcome).toMatchObject({ kind: 'deferred', scope: 'relay', reply: { code: 554, text: 'not you' } });
    }
    expect(relay.connections).toHaveLength(1);
  });

  test('one that fails beside others harms nobody, and the next waits a while', async () => {
    open({ maxConnections: 3 });
    const held = gate();
    relay.script = { connect: ['220 hello', '421 4.7.0 too many connections'], dot: [when(held.opened)] };
    const sending = sendMany(5);
    await relay.until(() => relay.connections[1]?.open === false);
    held.open();
    expect(await sending).toEqual(sent(5));
  });

  test('after one that failed the next is tried when its time has come, though those that stand are still busy', async () => {
    const held = gate();
    relay.script = { connect: ['220 hello', '421 4.7.0 too many connections'], dot: [when(held.opened)] };
    const first = send();
    await relay.until(() => relay.passed('dot') === 1);
    const other = send();
    const again = clock.now() + 10_000;
    await until(() => clock.nextTimer() === again);
    expect(relay.connections).toHaveLength(2);
    clock.moveTo(again);
    expect(await other).toEqual(['sent']);
    held.open();
    expect(await first).toEqual(['sent']);
  });

  test('each ends after its number of messages, in good order', async () => {
    open({ maxMessages: 2 });
    for (let i = 0; i < 5; i++) expect(await send()).toEqual(['sent']);
    expect(relay.connections.map((connection) => connection.mails.length)).toEqual([2, 2, 1]);
    await relay.until(() => relay.openConnections === 1);
    expect(relay.passed('quit')).toBe(2);
  });

  test('idle ones say QUIT after their time', async () => {
    await send();
    clock.moveTo(clock.now() + 29_999);
    await send();
    expect(relay.connections).toHaveLength(1);
    clock.moveTo(clock.now() + 30_000);
    await relay.until(() => relay.openConnections === 0);
    expect(relay.passed('quit')).toBe(1);
  });

  test('an idle one that has died is replaced without anybody noticing', async () => {
    relay.script = { mail: ['250 ok', drop, '250 ok', '421 4.4.2 idle too long'] };
    expect(await send()).toEqual(['sent']);
    expect(await send()).toEqual(['sent']);
    expect(await send()).toEqual(['sent']);
    expect(relay.connections).toHaveLength(3);
    expect(relay.received).toHaveLength(3);
  });

  test('an idle one that the relay ends is forgotten', async () => {
    relay.script = { dot: [dropAfterUsual] };
    expect(await send()).toEqual(['sent']);
    await relay.until(() => relay.openConnections === 0);
    expect(await send()).toEqual(['sent']);
    expect(relay.received).toHaveLength(2);
  });

  test('a relay that takes one message a connection gets each once', async () => {
    open({ maxConnections: 2 });
    relay.script = { dot: dropAfterUsual };
    expect(await sendMany(10)).toEqual(sent(10));
    expect(relay.received).toHaveLength(10);
  });
});

describe('what goes together', () => {
  test('the commands of the next message leave in one write with the final dot', async () => {
    open({ maxConnections: 1 });
    expect(await sendMany(4)).toEqual(sent(4));
    // EHLO; the first MAIL, RCPT and DATA; each content with what follows it.
    expect(relay.connections[0]?.reads).toBe(6);
  });

  test('nothing looks ahead where the relay does not offer PIPELINING', async () => {
    open({ maxConnections: 1 });
    relay.extensions = [];
    expect(await sendMany(2)).toEqual(sent(2));
    expect(relay.connections[0]?.reads).toBe(1 + 2 * 4);
  });

  test('recipients beyond the limit go with further transactions, and each has its outcome', async () => {
    open({ maxRecipients: 2 });
    relay.script = { rcpt: (command) => (command.includes('r4@') ? '550 5.1.1 no such user' : '250 ok') };
    const addresses = Array.from({ length: 5 }, (_, i) => `r${i}@example.com`);
    const outcomes = await transport.send(envelope(...addresses), content(), never);
    expect(kinds(outcomes)).toEqual(['sent', 'sent', 'sent', 'sent', 'refused recipient']);
    expect(relay.received.map((message) => message.recipients).sort()).toEqual([
      ['r0@example.com', 'r1@example.com'],
      ['r2@example.com', 'r3@example.com'],
    ]);
  });

  test('a part that cannot be read does not hide that another was sent', async () => {
    open({ maxRecipients: 1, maxConnections: 1 });
    let times = 0;
    const once = streamed(5, async function* () {
      if (times++ > 0) throw new Error('disk on fire');
      yield Buffer.from('abc\r\n');
    });
    const outcomes = await transport.send(envelope('a@example.com', 'b@example.com'), once, never);
    expect(kinds(outcomes)).toEqual(['sent', 'deferred message']);
    expect(relay.received).toHaveLength(1);
  });

  test('three recipients end in three outcomes', async () => {
    relay.script = { rcpt: ['250 ok', '550 5.1.1 no such user', '450 4.2.1 busy'] };
    const outcomes = await transport.send(
      envelope('a@example.com', 'b@example.com', 'c@example.com'),
      content(),
      never,
    );
    expect(kinds(outcomes)).toEqual(['sent', 'refused recipient', 'deferred recipient']);
    expect(relay.received[0]?.recipients).toEqual(['a@example.com']);
  });

  test('a refusal that comes together with the 354 loses nobody', async () => {
    open({ maxConnections: 1 });
    relay.script = { data: [raw('354 go\r\n554 5.7.1 not this\r\n')] };
    expect(await sendMany(3)).toEqual([['refused message'], ['sent'], ['sent']]);
    expect(relay.received).toHaveLength(2);
  });

  test('a message that is refused without asking leaves its connection to the next', async () => {
    open({ maxConnections: 1 });
    relay.extensions = ['PIPELINING', 'SIZE 100'];
    const large = content('x'.repeat(101));
    expect(await send()).toEqual(['sent']);
    expect(kinds(await transport.send(toOne, large, never))).toEqual(['refused message']);
    expect(await Promise.all([send(), transport.send(toOne, large, never).then(kinds), send()])).toEqual([
      ['sent'],
      ['refused message'],
      ['sent'],
    ]);
    expect(relay.connections).toHaveLength(1);
  });

  test('a refused message does not disturb the one that was written behind it', async () => {
    open({ maxConnections: 1 });
    relay.script = { dot: ['554 5.7.1 spam'], rcpt: ['250 ok', '250 ok', '550 5.1.1 no such user'] };
    expect(await sendMany(4)).toEqual([['refused message'], ['sent'], ['refused recipient'], ['sent']]);
    expect(relay.connections).toHaveLength(1);
  });
});

describe('contents', () => {
  test('arrive octet for octet, whatever is in them', async () => {
    const bytes = Buffer.from('Subject: x\r\n\r\n.\r\n..\r\n.a\r\n\r\n.\r\nQUIT\r\n\xff\xfe\r\n', 'latin1');
    await transport.send(toOne, content(bytes), never);
    expect(relay.received[0]?.content).toEqual(bytes);
  });

  test('stream in chunks, and arrive whole', async () => {
    const line = Buffer.from(`${'.'.repeat(70)}\r\n`);
    const chunk = Buffer.concat(Array.from({ length: 1000 }, () => line));
    const chunks = 100;
    const outcomes = await transport.send(
      toOne,
      streamed(chunks * chunk.length, async function* () {
        for (let i = 0; i < chunks; i++) yield chunk;
      }),
      never,
    );
    expect(kinds(outcomes)).toEqual(['sent']);
    expect(relay.received[0]?.content.equals(Buffer.concat(Array.from({ length: chunks }, () => chunk)))).toBe(true);
  });

  test('that cannot be read to their end are never ended with a dot: the caller hears of it, the next message goes through', async () => {
    const broken = streamed(1000, async function* () {
      yield Buffer.from('Subject: x\r\n');
      throw new Error('disk on fire');
    });
    await expect(transport.send(toOne, broken, never)).rejects.toThrow('disk on fire');
    expect(await send()).toEqual(['sent']);
    expect(relay.received).toHaveLength(1);
  });

  test('that are shorter than they should be are not sent', async () => {
    const short = { ...content('Subject: x\r\n'), size: 1000 };
    await expect(transport.send(toOne, short, never)).rejects.toThrow('12 octets instead of 1000');
    expect(await send()).toEqual(['sent']);
    expect(relay.received).toHaveLength(1);
  });
});

describe('a signal to give up', () => {
  test('ends a message that waits, and one before its final dot', async () => {
    open({ maxConnections: 1 });
    relay.script = { data: [when(new Promise(() => {}))] };
    const controller = new AbortController();
    const sending = Promise.all([send(controller.signal), send(controller.signal)]);
    await relay.until(() => relay.passed('data') === 1);
    controller.abort();
    expect(await sending).toEqual([['deferred relay'], ['deferred relay']]);
    expect(await send()).toEqual(['sent']);
    expect(relay.received).toHaveLength(1);
  });

  test('that was given before is heard', async () => {
    expect(await send(AbortSignal.abort())).toEqual(['deferred relay']);
    expect(relay.connections).toHaveLength(0);
  });

  test('waits for the reply to a final dot, and ends the message written behind it', async () => {
    open({ maxConnections: 1 });
    const held = gate();
    relay.script = { dot: [when(held.opened)] };
    const controller = new AbortController();
    const first = send(controller.signal);
    const second = send(controller.signal);
    await relay.until(() => relay.passed('dot') === 1);
    controller.abort();
    expect(await second).toEqual(['deferred relay']);
    held.open();
    expect(await first).toEqual(['sent']);
    expect(await send()).toEqual(['sent']);
    expect(relay.received).toHaveLength(2);
  });
});

describe('closing', () => {
  test('says QUIT on idle connections', async () => {
    await send();
    await transport.close();
    await relay.until(() => relay.openConnections === 0);
    expect(relay.passed('quit')).toBe(1);
  });

  test('lets a transaction come to its end, and gives back what waits', async () => {
    open({ maxConnections: 1 });
    const held = gate();
    relay.script = { data: [when(held.opened)] };
    const first = send();
    const second = send();
    await relay.until(() => relay.passed('data') === 1);
    const closed = transport.close();
    expect(await second).toEqual(['deferred relay']);
    held.open();
    expect(await first).toEqual(['sent']);
    await closed;
    expect(relay.passed('quit')).toBe(1);
    expect(await send()).toEqual(['deferred relay']);
  });

  test('may come twice, and before anything was sent', async () => {
    await transport.close();
    await transport.close();
  });
});
