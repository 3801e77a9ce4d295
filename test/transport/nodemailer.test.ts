/** Any transport of Nodemailer as a relay: its SMTP transport against a relay that misbehaves, its SES transport, and plugins. */
import { createTransport } from 'nodemailer';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/runtime/clock.ts';
import { NodemailerTransport, type RawMail } from '../../src/transport/nodemailer.ts';
import { drop, type Script, silence, when } from '../relay/actions.ts';
import { type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import { content, envelope, kinds, never, streamed, toOne } from '../smtp/client/mail.ts';

const three = envelope('a@example.com', 'b@example.com', 'C@Example.com');

let relay: ScriptedRelay;
let transport: NodemailerTransport;

beforeEach(async () => {
  relay = await startRelay({ login: { user: 'u', password: 'p', mechanisms: ['PLAIN'] } });
});

afterEach(async () => {
  await transport?.close();
  await relay.close();
});

function open(more: object = {}): void {
  transport = new NodemailerTransport({
    transport: createTransport({ host: relay.host, port: relay.port, ignoreTLS: true, ...more }),
  });
}

describe("Nodemailer's SMTP transport", () => {
  test('is given the envelope and the bytes as they are', async () => {
    open();
    const bytes = Buffer.from('Bcc: hidden@example.com\r\nSubject: x\r\n\r\n.\r\n\r\n\xe4\r\n', 'latin1');
    const outcomes = await transport.send({ ...three, sender: null }, content(bytes), never);
    expect(kinds(outcomes)).toEqual(['sent', 'sent', 'sent']);
    expect(outcomes[0]?.reply).toEqual({ code: 250, status: '2.0.0', text: 'taken' });
    expect(relay.received[0]).toMatchObject({
      sender: '',
      recipients: ['a@example.com', 'b@example.com', 'C@example.com'],
    });
    expect(relay.received[0]?.content.equals(bytes)).toBe(true);
  });

  test('is told of each recipient by its own reply', async () => {
    open();
    relay.script = { rcpt: ['250 ok', '550 5.1.1 no such user', '450 4.2.1 busy'] };
    const outcomes = await transport.send(three, content(), never);
    expect(kinds(outcomes)).toEqual(['sent', 'refused recipient', 'deferred recipient']);
    expect(outcomes[1]?.reply).toEqual({ code: 550, status: '5.1.1', text: 'no such user' });
  });

  test('is told of each recipient when none was taken', async () => {
    open();
    relay.script = { rcpt: ['550 5.1.1 no', '550 5.1.1 no', '450 4.2.1 busy'] };
    expect(kinds(await transport.send(three, content(), never))).toEqual([
      'refused recipient',
      'refused recipient',
      'deferred recipient',
    ]);
  });

  const faults: readonly (readonly [string, Script, string])[] = [
    ['a greeting that refuses', { connect: '554 5.7.1 not you' }, 'deferred relay'],
    ['MAIL refused', { mail: '550 5.7.1 not from you' }, 'refused message'],
    ['MAIL deferred', { mail: '451 4.3.0 later' }, 'deferred message'],
    ['DATA refused', { data: '554 5.6.0 no' }, 'refused message'],
    ['the content refused', { dot: '554 5.7.1 spam' }, 'refused message'],
    ['421 for the content', { dot: '421 4.3.2 closing' }, 'deferred relay'],
    ['a break before EHLO is answered', { ehlo: drop }, 'deferred relay'],
    ['a break after the final dot', { dot: drop }, 'deferred message in doubt'],
  ];

  test.each(faults)('meets %s', async (_name, script, expected) => {
    open();
    relay.script = script;
    expect(kinds(await transport.send(toOne, content(), never))).toEqual([expected]);
  });

  test('meets nobody', async () => {
    open({ port: 1 });
    expect(kinds(await transport.send(toOne, content(), never))).toEqual(['deferred relay']);
  });

  test('does not know the password', async () => {
    open({ auth: { user: 'u', pass: 'wrong' } });
    const [outcome] = await transport.send(toOne, content(), never);
    expect(outcome).toMatchObject({ kind: 'deferred', scope: 'relay', reply: { code: 535 } });
  });

  test('is stopped at a signal before the final dot', async () => {
    open();
    relay.script = { mail: silence };
    const controller = new AbortController();
    const large = streamed(3_000_000, async function* () {
      for (let i = 0; i < 30; i++) yield Buffer.alloc(100_000, 'x');
    });
    const sending = transport.send(toOne, large, controller.signal);
    await relay.until(() => relay.passed('mail') === 1);
    controller.abort();
    expect(await sending).toMatchObject([
      { kind: 'deferred', scope: 'relay', inDoubt: false, reply: { status: '4.3.0' } },
    ]);
    expect(relay.received).toHaveLength(0);
  });

  test('keeps its answer to a content that is out, though a signal says stop', async () => {
    open();
    const held = Promise.withResolvers<void>();
    relay.script = { dot: when(held.promise) };
    const controller = new AbortController();
    const sending = transport.send(toOne, content(), controller.signal);
    await relay.until(() => relay.passed('dot') === 1);
    controller.abort();
    held.resolve();
    expect(kinds(await sending)).toEqual(['sent']);
  });

  test('is given nothing that cannot be read to its end', async () => {
    open();
    const broken = streamed(1000, async function* () {
      yield Buffer.from('Subject: x\r\n');
      throw new Error('disk on fire');
    });
    await expect(transport.send(toOne, broken, never)).rejects.toThrow('disk on fire');
    expect(relay.received).toHaveLength(0);
  });

  test('is refused with a pool', () => {
    const pool = createTransport({ pool: true, host: relay.host, port: relay.port });
    expect(() => new NodemailerTransport({ transport: pool })).toThrow(/pool/);
    pool.close();
  });
});

describe("Nodemailer's SES transport", () => {
  function ses(send: (command: { input: unknown }) => Promise<unknown>): void {
    class SendEmailCommand {
      readonly input: unknown;
      constructor(input: unknown) {
        this.input = input;
      }
    }
    const sesClient = { config: { region: async () => 'eu-west-1' }, send };
    transport = new NodemailerTransport({
      transport: createTransport({ SES: { sesClient, SendEmailCommand } } as object),
    });
  }

  test('sends, and its id is the reply', async () => {
    const seen: unknown[] = [];
    ses(async (command) => {
      seen.push(command.input);
      return { MessageId: '0102' };
    });
    const outcomes = await transport.send(three, content(), never);
    expect(kinds(outcomes)).toEqual(['sent', 'sent', 'sent']);
    expect(outcomes[0]?.reply.text).toBe('0102');
    expect(seen).toMatchObject([
      {
        FromEmailAddress: 'sender@example.com',
        Content: { Raw: { Data: Buffer.from('Subject: test\r\n\r\nHello.\r\n') } },
      },
    ]);
  });

  test.each([
    ['throttling', 'TooManyRequestsException', 429, 'deferred relay', undefined],
    ['an account without rights', 'AccessDeniedException', 403, 'deferred relay', 'own'],
    ['its own illness', 'InternalFailure', 500, 'deferred relay', undefined],
    ['what nobody knows', 'MessageRejected', 400, 'deferred message', undefined],
  ])('answers with %s', async (_name, name, httpStatusCode, expected, during) => {
    ses(() => Promise.reject(Object.assign(new Error('no'), { name, $metadata: { httpStatusCode } })));
    const outcomes = await transport.send(toOne, content(), never);
    expect(kinds(outcomes)).toEqual([expected]);
    // What is said of the account may be said of this message's sender alone.
    expect((outcomes[0] as { during?: string }).during).toBe(during);
  });
});

describe('a plugin', () => {
  const failed = (cause: object): Error => new TypeError('fetch failed', { cause });
  const coded = (code: string): Error => Object.assign(new Error(code), { code });

  test.each([
    ['no connection', coded('ECONNREFUSED'), 'deferred relay'],
    ['no such host', coded('ENOTFOUND'), 'deferred relay'],
    ['no connection of fetch', failed(coded('ECONNREFUSED')), 'deferred relay'],
    ['no connection of fetch in time', failed(coded('UND_ERR_CONNECT_TIMEOUT')), 'deferred relay'],
    ['no connection to any address', failed(new AggregateError([coded('ENETUNREACH')])), 'deferred relay'],
    ['a connection that broke', coded('ECONNRESET'), 'deferred message in doubt'],
    ['a connection of fetch that broke', failed(coded('UND_ERR_SOCKET')), 'deferred message in doubt'],
    ['its own patience that ends', new DOMException('too late', 'TimeoutError'), 'deferred message in doubt'],
    [
      'the patience of an API that ends',
      Object.assign(new Error('x'), { name: 'TimeoutError' }),
      'deferred message in doubt',
    ],
  ])('that has read all and then meets %s', async (_name, error, expected) => {
    plug((mail, callback) =>
      mail.message
        .createReadStream()
        .on('end', () => callback(error))
        .resume(),
    );
    expect(kinds(await transport.send(toOne, content(), never))).toEqual([expected]);
  });

  type Sent = { readonly data: RawMail; readonly message: { createReadStream(): NodeJS.ReadableStream } };
  type Callback = (error: Error | null, info?: unknown) => void;

  function plug(send: (mail: Sent, callback: Callback) => void, clock?: ManualClock): void {
    transport = new NodemailerTransport(
      { transport: { name: 'plugged', version: '1', send } },
      clock === undefined ? {} : { clock },
    );
  }

  test('may say who is pending, who was rejected without a reply, and who in which case', async () => {
    plug((_mail, callback) =>
      callback(null, {
        accepted: ['b@example.com'],
        rejected: ['c@example.COM'],
        pending: [{ address: 'A@example.com' }],
      }),
    );
    expect(kinds(await transport.send(three, content(), never))).toEqual([
      'deferred recipient',
      'sent',
      'deferred recipient',
    ]);
  });

  test.each([
    ['nothing', undefined],
    ['a text', 'ok'],
    ['nonsense', { rejected: 7, rejectedErrors: [null, 'x', {}], response: 12 }],
  ])('that answers with %s has sent it', async (_name, info) => {
    plug((_mail, callback) => callback(null, info));
    expect(kinds(await transport.send(toOne, content(), never))).toEqual(['sent']);
  });

  test('that throws, or fails in a way nobody knows, defers its message', async () => {
    plug((_mail, callback) => callback(new Error('what?')));
    expect(await transport.send(toOne, content(), never)).toMatchObject([
      { kind: 'deferred', scope: 'message', inDoubt: false, reply: { text: 'plugged: what?' } },
    ]);
  });

  test('that never answers is given up after its time, in doubt when it has read all', async () => {
    const clock = new ManualClock(0);
    const read = Promise.withResolvers<void>();
    plug((mail) => mail.message.createReadStream().on('end', read.resolve).resume(), clock);
    const sending = transport.send(toOne, content(), never);
    await read.promise;
    clock.moveTo(15 * 60_000);
    expect(kinds(await sending)).toEqual(['deferred message in doubt']);
  });

  test('must be able to send', () => {
    expect(() => new NodemailerTransport({ transport: {} })).toThrow(/sendMail/);
  });
});
