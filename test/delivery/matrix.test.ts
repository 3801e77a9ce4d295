/** Every place of the dialogue against every fault (matrix.table), through the queue, the store, a worker and sockets, with a turned clock. */
import { readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import type { SmtpOptions } from '../../src/transport/smtp/options.ts';
import { SmtpTransport } from '../../src/transport/smtp/smtp.ts';
import {
  type Action,
  drop,
  halfClose,
  inTurn,
  type Point,
  raw,
  reset,
  type Script,
  silence,
  slow,
  usual,
  when,
} from '../relay/actions.ts';
import { Certificates } from '../relay/certificates.ts';
import { type ScriptedOptions, type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import { Stage } from '../support/delivery.ts';
import { freePort } from '../support/smtp-sink.ts';

type Doubt = 'resend' | 'hold';

interface Row {
  readonly place: string;
  readonly fault: string;
  /** When the first attempt has ended. */
  readonly first: {
    readonly state: string;
    readonly reply: string;
    readonly attempts: number;
    readonly relay: string;
    readonly doubt: boolean;
  };
  readonly end: { readonly state: string; readonly copies: number };
}

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

/** How long a reply is awaited there (RFC 5321 4.5.3.2). */
const PATIENCE: Readonly<Record<string, number>> = {
  greeting: 300 * SECOND,
  ehlo: 300 * SECOND,
  starttls: 30 * SECOND,
  handshake: 30 * SECOND,
  helo: 300 * SECOND,
  'tls-ehlo': 300 * SECOND,
  auth: 300 * SECOND,
  answer: 300 * SECOND,
  mail: 300 * SECOND,
  rcpt: 300 * SECOND,
  data: 120 * SECOND,
  dot: 600 * SECOND,
  rset: 300 * SECOND,
};

const ROWS: readonly Row[] = readFileSync(new URL('matrix.table', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith('place'))
  .map((line) => {
    const [place = '', fault = '', state = '', code, status, attempts, relay = '', doubt, then = '', copies] =
      line.split(/\s+/);
    const first = { state, reply: `${code} ${status}`, attempts: Number(attempts), relay, doubt: doubt === 'doubt' };
    return { place, fault, first, end: { state: then, copies: Number(copies) } };
  });

const FAULTS: Readonly<Record<string, Action>> = {
  '4yz': '450 4.3.0 not now',
  '5yz': '554 5.6.0 no',
  '421': '421 4.3.2 closing',
  '3yz': '354 more',
  '530': '530 5.7.0 who are you',
  '535': '535 5.7.8 wrong user or password',
  late: silence,
  drop,
  reset,
  'half-close': halfClose,
  garbage: raw('HTTP/1.1 400 Bad Request\r\n'),
  slow,
};

const POINTS: Readonly<Record<string, Point>> = {
  greeting: 'connect',
  handshake: 'tls',
  content: 'block',
  after: 'dot',
  'tls-ehlo': 'ehlo',
};

/** At which passing of its point the relay misbehaves, where that is not the first. */
const PASSING: Readonly<Record<string, number>> = { 'tls-ehlo': 2 };

/** What else the relay does, so that the dialogue comes to that place. */
const LEADING_THERE: Readonly<Record<string, Script>> = {
  helo: { ehlo: '502 5.5.1 what?' },
  rset: { rcpt: (command) => (command.includes('<nobody@') ? '550 5.1.1 no such user' : usual) },
};

function pointOf({ place }: Row): Point {
  return POINTS[place] ?? (place as Point);
}

/** A relay that refuses a content in its middle reads no more of it. */
function actionOf({ place, fault }: Row): Action {
  const action = FAULTS[fault] as Action;
  if (place === 'after') return inTurn(usual, typeof action === 'string' ? raw(`${action}\r\n`) : action);
  if (place === 'content' && typeof action === 'string') return inTurn(action, silence);
  // Here the client speaks, so it is the relay that takes its time.
  if (fault === 'slow' && place === 'content') return when(someTurns());
  // Not before the client has its connection, or the 220 that the handshake follows.
  if (place === 'handshake' || (place === 'greeting' && fault === 'reset')) return when(someTurns(), action);
  return action;
}

/** Misbehaves once. */
function scriptOf(row: Row): Script {
  let passed = 0;
  const once = (): Action => (++passed === passingOf(row) ? actionOf(row) : usual);
  return { ...LEADING_THERE[row.place], [pointOf(row)]: once };
}

function passingOf({ place }: Row): number {
  return PASSING[place] ?? 1;
}

/** Longer than any wait for a reply, so that a clock that is turned second by second brings no second attempt; below the hour of `recover`. */
const RETRY = 50 * 60 * SECOND;

async function someTurns(): Promise<void> {
  for (let i = 0; i < 50; i++) await turn();
}

const certificates = new Certificates();
afterAll(() => certificates.remove());
const good = certificates.signed('good');
const OTHERS: Readonly<Record<string, ScriptedOptions>> = {
  'not-offered': {},
  'no-tls': {},
  untrusted: { tls: certificates.selfSigned('untrusted', '-addext', 'subjectAltName=DNS:relay.example') },
  'other-name': { tls: certificates.signed('other', '2', 'other.example') },
  expired: { tls: certificates.signed('expired', '-1') },
};

const LOGIN = { user: 'app', password: 'secret' };
/** PLAIN says all at once; LOGIN is asked. */
const MECHANISMS: Readonly<Record<string, readonly string[]>> = { auth: ['PLAIN'], answer: ['LOGIN'] };
const TLS_PLACES = ['starttls', 'handshake', 'tls-ehlo'];

/** What a relay is that does as it should. */
function relayFor({ place, fault }: Row, pipelining: boolean): ScriptedOptions {
  return {
    ...(!pipelining && { extensions: [] }),
    ...(TLS_PLACES.includes(place) && { tls: { ...good, implicit: fault === 'no-tls' } }),
    ...(place in MECHANISMS && { login: { ...LOGIN, mechanisms: MECHANISMS[place] ?? [] } }),
  };
}

function clientFor({ place, fault }: Row): Partial<SmtpOptions> {
  return {
    ...(TLS_PLACES.includes(place) && { tls: 'verified', ca: certificates.ca, servername: 'relay.example' }),
    ...(fault === 'no-tls' && { implicitTls: true }),
    ...(place in MECHANISMS && { credentials: LOGIN }),
    // RSET comes before a second message on the same connection.
    ...(place === 'rset' && { maxConnections: 1 }),
  };
}

/** The relay of a row, before and after it comes to its senses; null: nothing listens. */
async function misbehaving(row: Row, pipelining: boolean): Promise<ScriptedRelay | null> {
  if (row.fault === 'refused') return null;
  const other = OTHERS[row.fault];
  if (other !== undefined) return startRelay(other);
  return startRelay({ ...relayFor(row, pipelining), script: scriptOf(row) });
}

class Trial {
  readonly row: Row;
  readonly stage: Stage;
  readonly port: number;
  readonly relays: ScriptedRelay[];
  readonly #pipelining: boolean;

  constructor(row: Row, stage: Stage, port: number, relay: ScriptedRelay | null, pipelining: boolean) {
    this.row = row;
    this.stage = stage;
    this.port = port;
    this.relays = relay === null ? [] : [relay];
    this.#pipelining = pipelining;
  }

  static async open(row: Row, pipelining: boolean, doubt: Doubt): Promise<Trial> {
    const relay = await misbehaving(row, pipelining);
    const port = relay?.port ?? (await freePort());
    const stage = await Stage.open({ doubt, policy: { firstDelay: RETRY }, smtp: { port, ...clientFor(row) } });
    return new Trial(row, stage, port, relay, pipelining);
  }

  async submit(): Promise<string> {
    if (this.row.place === 'rset') await this.stage.submit({ sender: null, recipients: ['nobody@example.com'] });
    // More than the buffers of two sockets take, so that its end is not out before the fault is known.
    const size = this.row.place === 'content' ? 16 * 1024 * 1024 : 100;
    return this.stage.submit({
      content: `Subject: test\r\n\r\n${`${'x'.repeat(998)}\r\n`.repeat(Math.ceil(size / 1000))}`,
    });
  }

  /** Everything that is due, tried once; where the relay is late, the clock is turned to where nobody waits for it any more. */
  async attempt(): Promise<void> {
    let over = false;
    const pass = this.stage.once().finally(() => {
      over = true;
    });
    if (this.row.fault === 'late') {
      await this.relays[0]?.until(
        () => (this.relays[0] as ScriptedRelay).passed(pointOf(this.row)) >= passingOf(this.row),
      );
      await this.#roundTrip();
      this.#turn(PATIENCE[this.row.place] ?? SECOND);
      // Where the relay cannot see when the wait begins.
      while (PATIENCE[this.row.place] === undefined && !over) {
        await this.#roundTrip();
        this.#turn(SECOND);
      }
    }
    await pass;
  }

  #turn(ms: number): void {
    this.stage.clock.moveTo(this.stage.clock.now() + ms);
  }

  /** What was to come by now has come when another connection had its turn. */
  async #roundTrip(): Promise<void> {
    const other = new SmtpTransport({ host: '127.0.0.1', port: this.port, ...clientFor(this.row) });
    await other.verify(new AbortController().signal);
    await other.close();
  }

  /** The relay behaves again, and time has passed. */
  async recover(): Promise<void> {
    const [relay] = this.relays;
    if (relay !== undefined && OTHERS[this.row.fault] === undefined) {
      relay.script = {};
    } else {
      await relay?.close();
      const options = relayFor(this.row, this.#pipelining);
      this.relays.unshift(await startRelay({ ...options, port: this.port }));
    }
    this.#turn(HOUR);
    await this.stage.once();
  }

  async first(id: string): Promise<Row['first']> {
    const [delivery] = (await this.stage.get(id)).deliveries;
    const [relay] = await this.stage.store.relays();
    return {
      state: delivery?.state ?? 'none',
      reply: `${delivery?.lastReply?.code} ${delivery?.lastReply?.status}`,
      attempts: delivery?.attempts ?? -1,
      relay: (relay?.faults ?? 0) > 0 ? 'paused' : 'well',
      doubt: delivery?.inDoubt ?? false,
    };
  }

  async end(id: string): Promise<Row['end']> {
    const [delivery] = (await this.stage.get(id)).deliveries;
    // Reports come from the null sender.
    const kept = this.relays
      .flatMap(({ received }) => received)
      .filter(({ sender, refused }) => sender !== '' && !refused);
    return { state: delivery?.state ?? 'none', copies: kept.length };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.relays[0]?.close();
    await this.stage[Symbol.asyncDispose]();
  }
}

test('the table has every fault at every place', () => {
  const common = ['4yz', '5yz', '421', 'late', 'drop', 'reset', 'half-close', 'garbage', 'slow'];
  /** In TLS itself nothing is slow but late, and what comes behind a reply is not one. */
  const without: Readonly<Record<string, readonly string[]>> = { handshake: ['slow'], after: ['slow'] };
  const places = [...new Set(ROWS.map(({ place }) => place))];
  expect(places).toEqual([
    ...['connect', 'greeting', 'ehlo', 'helo', 'starttls', 'handshake', 'tls-ehlo', 'auth', 'answer'],
    ...['mail', 'rcpt', 'data', 'content', 'dot', 'after', 'rset', 'quit'],
  ]);
  for (const place of places.slice(1)) {
    const faults = ROWS.filter((row) => row.place === place).map(({ fault }) => fault);
    expect(common.filter((fault) => !faults.includes(fault))).toEqual(without[place] ?? []);
    expect(new Set(faults).size).toBe(faults.length);
  }
});

describe.each([
  ['that takes commands together', true],
  ['that takes one command at a time', false],
] as const)('a message for a relay %s', (_, pipelining) => {
  test.each(ROWS.map((row) => [row.place, row.fault, row] as const))('%s: %s', async (_place, _fault, row) => {
    await using trial = await Trial.open(row, pipelining, 'resend');
    const id = await trial.submit();
    await trial.attempt();
    expect(await trial.first(id)).toEqual(row.first);
    await trial.recover();
    expect(await trial.end(id)).toEqual(row.end);
    expect((await trial.stage.store.relays())[0]?.faults ?? 0).toBe(0);
  });
});

describe('under hold, a message in doubt waits for an operator, and the relay has one copy', () => {
  test.each(ROWS.filter(({ first }) => first.doubt).map((row) => [row.fault, row] as const))('%s', async (_, row) => {
    await using trial = await Trial.open(row, true, 'hold');
    const id = await trial.submit();
    await trial.attempt();
    expect(await trial.first(id)).toEqual({ ...row.first, state: 'held' });
    await trial.recover();
    expect(await trial.end(id)).toEqual({ state: 'held', copies: 1 });
  });
});
