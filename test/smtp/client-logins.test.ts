/** Logins that differ by sender or change while we run, limits that are moved, and recipients that were too many. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Envelope } from '../../src/mail/envelope.ts';
import { ManualClock } from '../../src/runtime/clock.ts';
import { type Credentials, fileCredentials } from '../../src/transport/smtp/credentials.ts';
import type { SmtpOptions } from '../../src/transport/smtp/options.ts';
import { SmtpTransport } from '../../src/transport/smtp/smtp.ts';
import { drop, dropAfterUsual, when } from '../relay/actions.ts';
import { type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import { content, envelope, kinds, never, toOne } from './client/mail.ts';

const LOGIN = {
  user: 'all',
  password: 'all-pw',
  mechanisms: ['PLAIN'],
  others: { news: 'news-pw', boss: 'boss-pw' },
};
const all = { user: 'all', password: 'all-pw' };
const news = { user: 'news', password: 'news-pw' };
const boss = { user: 'boss', password: 'boss-pw' };

let folder: string;
let relay: ScriptedRelay;
let transport: SmtpTransport;
let clock: ManualClock;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'posthaste-logins-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(async () => {
  relay = await startRelay({ login: LOGIN });
  clock = new ManualClock(1_000_000);
});

function open(options: Partial<SmtpOptions>): void {
  transport = new SmtpTransport({ host: relay.host, port: relay.port, ...options }, { clock });
}

afterEach(async () => {
  const closed = transport.close();
  await relay.close();
  await closed;
});

const from = (sender: string | null): Envelope => ({ ...toOne, sender });
const send = (sender: string | null): Promise<string[]> => transport.send(from(sender), content(), never).then(kinds);

/** Who was logged in on the connection over which each content came. */
const carriers = (): (string | null | undefined)[] =>
  relay.received.map(({ connection }) => relay.connections[connection]?.user);

describe('credentials that are asked for', () => {
  test('are asked for at each new connection, and not for each message', async () => {
    let asked = 0;
    const credentials = async (): Promise<Credentials> => {
      asked++;
      return all;
    };
    open({ credentials, maxMessages: 2 });
    for (let i = 0; i < 4; i++) expect(await send('a@b.example')).toEqual(['sent']);
    expect(asked).toBe(2);
  });

  test('come from a file that may change', async () => {
    const path = join(folder, 'password');
    writeFileSync(path, 'old\n');
    open({ credentials: fileCredentials(path, 'all') });
    const [outcome] = await transport.send(toOne, content(), never);
    expect(outcome).toMatchObject({ kind: 'deferred', scope: 'relay', reply: { code: 535 } });
    expect(relay.passed('auth')).toBe(1);
    writeFileSync(path, 'all-pw\n');
    expect(await send('a@b.example')).toEqual(['sent']);
  });

  test('that changed between reading and login are tried once more', async () => {
    const path = join(folder, 'both.json');
    writeFileSync(path, JSON.stringify({ user: 'all', password: 'old' }));
    const inFile = fileCredentials(path);
    open({
      credentials: async (rejected) => {
        if (rejected !== undefined) writeFileSync(path, JSON.stringify(all));
        return inFile(rejected);
      },
    });
    expect(await send('a@b.example')).toEqual(['sent']);
    expect(relay.connections).toHaveLength(1);
  });

  test('that cannot be read are a fault of the relay, and nothing of them is told', async () => {
    const path = join(folder, 'broken.json');
    writeFileSync(path, '{"user": "u", "password": "geheim"');
    open({ credentials: fileCredentials(path) });
    const [outcome] = await transport.send(toOne, content(), never);
    expect(outcome).toMatchObject({ kind: 'deferred', scope: 'relay', reply: { status: '4.7.0' } });
    expect(outcome?.reply.text).toMatch(/broken\.json holds no JSON/);
    expect(outcome?.reply.text).not.toContain('geheim');
  });

  test('that never come are given up after their time', async () => {
    let asked = (): void => {};
    const asking = new Promise<void>((resolve) => {
      asked = resolve;
    });
    open({
      credentials: () => {
        asked();
        return new Promise(() => {});
      },
    });
    const sending = transport.send(toOne, content(), never);
    await asking;
    clock.moveTo(clock.now() + 60_000);
    expect(await sending).toMatchObject([{ kind: 'deferred', scope: 'relay', reply: { status: '4.4.2' } }]);
    expect((await sending)[0]?.reply.text).toMatch(/^no credentials for .* came within 60 s/);
  });

  test('are no use to a relay that hangs up meanwhile', async () => {
    relay.script = { ehlo: dropAfterUsual };
    open({ credentials: () => relay.until(() => relay.openConnections === 0).then(() => all) });
    expect(await transport.send(toOne, content(), never)).toMatchObject([{ kind: 'deferred', scope: 'relay' }]);
  });
});

describe('logins by sender', () => {
  const logins = { '@news.example': news, 'boss@news.example': boss };

  test('each have connections of their own, the address before its domain', async () => {
    open({ credentials: all, logins });
    for (const sender of ['x@news.example', 'Boss@NEWS.example', 'x@other.example', null, 'y@news.example'])
      expect(await send(sender)).toEqual(['sent']);
    expect(carriers()).toEqual(['news', 'boss', 'all', 'all', 'news']);
    expect(relay.connections).toHaveLength(3);
  });

  test('are those of an international domain in both spellings', async () => {
    open({ credentials: all, logins: { '@bücher.example': news, 'boss@bücher.example': boss } });
    for (const sender of [
      'x@xn--bcher-kva.example',
      'x@bücher.example',
      'boss@xn--bcher-kva.example',
      'boss@bücher.example',
    ])
      expect(await send(sender)).toEqual(['sent']);
    expect(carriers()).toEqual(['news', 'news', 'boss', 'boss']);
  });

  test('share one number of connections, and none starves', async () => {
    open({ credentials: all, logins, maxConnections: 1 });
    const senders = ['x@news.example', 'boss@news.example', 'x@other.example'];
    const sending = Array.from({ length: 90 }, (_, i) => send(senders[i % 3] as string));
    let most = 0;
    const counted = relay.until(() => {
      most = Math.max(most, relay.connections.length - relay.passed('quit'));
      return relay.received.length === 90;
    });
    expect((await Promise.all(sending)).flat()).toEqual(Array(90).fill('sent'));
    await counted;
    expect(new Set(carriers())).toEqual(new Set(['news', 'boss', 'all']));
    expect(most).toBe(1);
    // Each carried a fair share before it made room.
    expect(relay.connections.length).toBeLessThan(10);
  });

  test('an idle connection makes room for another login', async () => {
    open({ credentials: all, logins, maxConnections: 1 });
    expect(await send('x@news.example')).toEqual(['sent']);
    expect(await send('boss@news.example')).toEqual(['sent']);
    expect(await send('x@news.example')).toEqual(['sent']);
    expect(relay.connections).toHaveLength(3);
  });

  test('one that is refused is named, tried seldom, and disturbs nobody else', async () => {
    open({ credentials: all, logins: { '@news.example': { ...news, password: 'wrong' } } });
    for (let i = 0; i < 5; i++) {
      const [outcome] = await transport.send(from('x@news.example'), content(), never);
      expect(outcome).toMatchObject({ kind: 'deferred', scope: 'relay', login: '@news.example', reply: { code: 535 } });
    }
    expect(relay.passed('auth')).toBe(1);
    expect(await send('x@other.example')).toEqual(['sent']);
    clock.moveTo(clock.now() + 60_000);
    await send('x@news.example');
    expect(relay.passed('auth')).toBe(3);
  });

  test('a relay that is down is no matter of a login', async () => {
    relay.script = { connect: drop };
    open({ logins });
    const [outcome] = await transport.send(from('x@news.example'), content(), never);
    expect(outcome).toMatchObject({ kind: 'deferred', scope: 'relay' });
    expect(outcome).not.toHaveProperty('login');
  });
});

describe('the number of connections', () => {
  test('can be raised', async () => {
    open({ maxConnections: 1 });
    const held = Promise.withResolvers<void>();
    relay.script = { mail: when(held.promise) };
    const sending = Array.from({ length: 4 }, () => send('a@b.example'));
    await relay.until(() => relay.passed('mail') === 1);
    transport.setLimit(3);
    expect(transport.concurrency).toBe(9);
    await relay.until(() => relay.passed('mail') === 3);
    held.resolve();
    expect((await Promise.all(sending)).flat()).toEqual(Array(4).fill('sent'));
    expect(relay.connections).toHaveLength(3);
  });

  test('can be lowered: idle ones end at once, those in use after their transaction', async () => {
    open({ maxConnections: 4 });
    const held = Promise.withResolvers<void>();
    relay.script = { mail: when(held.promise) };
    const sending = Array.from({ length: 12 }, () => send('a@b.example'));
    await relay.until(() => relay.passed('mail') === 4);
    transport.setLimit(1);
    held.resolve();
    expect((await Promise.all(sending)).flat()).toEqual(Array(12).fill('sent'));
    await relay.until(() => relay.openConnections === 1);
    expect(relay.connections).toHaveLength(4);
  });

  test('can be lowered while all are idle', async () => {
    open({ maxConnections: 3 });
    const held = Promise.withResolvers<void>();
    relay.script = { mail: when(held.promise) };
    const sending = Array.from({ length: 3 }, () => send('a@b.example'));
    await relay.until(() => relay.passed('mail') === 3);
    held.resolve();
    await Promise.all(sending);
    transport.setLimit(1);
    await relay.until(() => relay.openConnections === 1);
    expect(await send('a@b.example')).toEqual(['sent']);
  });

  test('can be lowered to none: what is handed over waits until there are some again', async () => {
    open({ maxConnections: 2 });
    expect(await send('a@b.example')).toEqual(['sent']);
    transport.setLimit(0);
    await relay.until(() => relay.openConnections === 0);
    const waiting = send('a@b.example');
    expect(relay.connections).toHaveLength(1);
    transport.setLimit(1);
    expect(await waiting).toEqual(['sent']);
    expect(relay.connections).toHaveLength(2);
  });
});

test('a message above the limit is refused without asking the relay', async () => {
  open({ maxSize: 20 });
  const [outcome] = await transport.send(toOne, content('x'.repeat(21)), never);
  expect(outcome).toMatchObject({ kind: 'refused', scope: 'message', reply: { code: 552, status: '5.3.4' } });
  expect(kinds(await transport.send(toOne, content('x'.repeat(20)), never))).toEqual(['sent']);
  expect(relay.connections).toHaveLength(1);
});

describe('recipients that were too many', () => {
  const many = (count: number): Envelope => envelope(...Array.from({ length: count }, (_, i) => `r${i}@example.com`));

  /** Takes so many in each transaction. */
  function takes(limit: number): void {
    let taken = 0;
    relay.script = {
      mail: () => {
        taken = 0;
        return '250 2.1.0 ok';
      },
      rcpt: () => (taken++ < limit ? '250 2.1.5 ok' : '452 4.5.3 too many recipients'),
    };
  }

  test.each([[['PIPELINING']], [[]]])(
    'go at once with further transactions on the same connection: %j',
    async (extensions) => {
      open({});
      relay.extensions = extensions;
      takes(3);
      expect(kinds(await transport.send(many(8), content(), never))).toEqual(Array(8).fill('sent'));
      expect(relay.received.map(({ recipients }) => recipients.length)).toEqual([3, 3, 2]);
      expect(new Set(relay.received.flatMap(({ recipients }) => recipients)).size).toBe(8);
      expect(relay.connections).toHaveLength(1);
    },
  );

  test('keep their places among the outcomes of others', async () => {
    open({});
    let asked = 0;
    relay.script = {
      rcpt: (command) => {
        if (command.includes('r1@')) return '550 5.1.1 no such user';
        if (command.includes('r3@')) return asked++ === 0 ? '452 4.5.3 too many' : '450 4.2.1 busy';
        return '250 ok';
      },
    };
    expect(kinds(await transport.send(many(5), content(), never))).toEqual([
      'sent',
      'refused recipient',
      'sent',
      'deferred recipient',
      'sent',
    ]);
    expect(relay.received).toHaveLength(1);
  });

  test('wait where the relay takes none at all', async () => {
    open({});
    takes(0);
    expect(kinds(await transport.send(many(2), content(), never))).toEqual(Array(2).fill('deferred recipient'));
    expect(relay.passed('mail')).toBe(1);
  });

  test('wait where the relay refused the content', async () => {
    open({});
    takes(1);
    relay.script = { ...relay.script, dot: '554 5.7.1 spam' };
    expect(kinds(await transport.send(many(2), content(), never))).toEqual(['refused message', 'deferred recipient']);
    expect(relay.received).toHaveLength(1);
  });

  test('wait after twenty further transactions', async () => {
    open({});
    takes(1);
    const outcomes = kinds(await transport.send(many(25), content(), never));
    expect(outcomes.filter((kind) => kind === 'sent')).toHaveLength(21);
    expect(outcomes.slice(21)).toEqual(Array(4).fill('deferred recipient'));
  });

  test('do not hide what was sent before the connection broke', async () => {
    open({});
    takes(2);
    relay.script = { ...relay.script, dot: ['250 2.0.0 taken', drop] };
    expect(kinds(await transport.send(many(3), content(), never))).toEqual([
      'sent',
      'sent',
      'deferred message in doubt',
    ]);
  });

  test('do not hide what was sent before the content could not be read again', async () => {
    open({});
    takes(1);
    let reads = 0;
    const once = {
      size: 3,
      eightBit: false,
      chunks: () => {
        if (reads++ > 0) throw new Error('disk on fire');
        return [Buffer.from('a\r\n')];
      },
    };
    expect(kinds(await transport.send(many(2), once, never))).toEqual(['sent', 'deferred relay']);
  });

  test('end with their message when it is given up', async () => {
    open({});
    takes(1);
    const held = Promise.withResolvers<void>();
    relay.script = { ...relay.script, data: ['354 go', when(held.promise)] };
    const controller = new AbortController();
    const sending = transport.send(many(2), content(), controller.signal);
    await relay.until(() => relay.passed('data') === 2);
    controller.abort();
    expect(kinds(await sending)).toEqual(['sent', 'deferred relay']);
  });
});
