/**
 * What a claim and its settlement cost while the queue grows, and beside finished mail and its log. `node bench/claims.ts --help`
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Store } from '../src/queue/store.ts';
import { openStore } from '../src/store/open.ts';
import { type Pages, pagesTouched } from './counters.ts';
import { makeDatabase } from './database.ts';
import { factsOf, showFacts } from './facts.ts';
import { median, quantile, round } from './figures.ts';
import { APART, fill, finishedKind, type Kind, waitingKind } from './fill.ts';
import { withoutIndexes } from './fill-postgres.ts';
import { claimSome, newMessage, sent } from './messages.ts';
import { type Line, svgOf } from './plot.ts';

const ENGINES = ['sqlite', 'postgres', 'mysql'] as const;
type Engine = (typeof ENGINES)[number];

const USAGE = `node bench/claims.ts [options]
  --engine NAME     one of ${ENGINES.join(', ')} (default: all); may be repeated
  --most N          the longest queue, and the finished messages beside which it is measured again (default: 1000000)
  --written         the finished messages are written by the database too, instead of claimed and settled; beside them at most a
                    tenth as many wait. Makes --most 10000000 a matter of an hour, with 16 GB of disk on PostgreSQL
  --postgres URL    (default: postgres://postgres@127.0.0.1:5432/postgres)
  --mysql URL       MariaDB or MySQL (default: mysql://root@127.0.0.1:3306/mysql)
  --folder PATH     where to keep SQLite's file (default: a temporary folder)
  --plot FILE       an SVG of the result
`;

const { values } = parseArgs({
  options: {
    engine: { type: 'string', multiple: true, default: [...ENGINES] },
    most: { type: 'string', default: '1000000' },
    written: { type: 'boolean', default: false },
    postgres: { type: 'string', default: 'postgres://postgres@127.0.0.1:5432/postgres' },
    mysql: { type: 'string', default: 'mysql://root@127.0.0.1:3306/mysql' },
    folder: { type: 'string', default: tmpdir() },
    plot: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

/** Messages of one claim. */
const CLAIMED = 50;
const ROUNDS = 60;
/** Rounds in which pages are counted; together they take fewer messages than wait. */
const COUNTED = 10;
const PURGED = 500;
/** So many at once are written before their indexes, if that many are not there already. */
const MANY = 100_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const CONTENT = Buffer.alloc(200, 'posthaste ');

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

interface Measured {
  readonly server: string;
  readonly waiting: number;
  readonly finished: number;
  /** Milliseconds for 50 messages. */
  readonly claim: number;
  readonly claimP99: number;
  readonly settle: number;
  /** Of PostgreSQL, for each message. */
  readonly pages: Pages | undefined;
}

/** Counts what it puts in and takes out, so that a measurement knows beside what it was made. */
class Filled {
  waiting = 0;
  finished = 0;
  readonly #url: string;
  readonly #server: string;
  #store: Store;
  #written = 0;
  #kind: Kind | undefined;

  static async open({ url, server }: Queue): Promise<Filled> {
    return new Filled(url, server, await openStore(url));
  }

  private constructor(url: string, server: string, store: Store) {
    this.#url = url;
    this.#server = server;
    this.#store = store;
  }

  /** By the database itself. */
  async fill(target: number, most: number): Promise<void> {
    this.#kind ??= await waitingKind(this.#store, CONTENT, timeFor(most));
    const to = this.#written + target - this.waiting;
    await this.#copy(this.#kind, 'waiting', this.#written, to);
    this.#written = to;
    this.waiting = target;
  }

  /** Puts finished ones there, before any that wait. */
  async finish(count: number): Promise<void> {
    const kind = await finishedKind(this.#store, CONTENT, timeFor(count) - DAY);
    await this.#copy(kind, 'finished', 0, count);
    this.finished = count;
  }

  async #copy(kind: Kind, what: string, from: number, to: number): Promise<void> {
    const work = (): Promise<void> => fill(this.#url, kind, from, to, this.#told(what, to));
    const many = to - from >= MANY && to - from > 2 * (this.waiting + this.finished);
    await (many && this.#url.startsWith('postgres') ? withoutIndexes(this.#url, work) : work());
  }

  #told(what: string, of: number): (n: number) => void {
    return (n) => {
      if (n % 1_000_000 === 0)
        say(`  ${this.#server}: ${n.toLocaleString('en')} of ${of.toLocaleString('en')} ${what}`);
    };
  }

  async close(): Promise<void> {
    await this.#store.close();
  }

  /** One by one in the eyes of the store, as many as went. */
  async #refill(target: number): Promise<void> {
    const messages = Array.from({ length: target - this.waiting }, (_, i) => newMessage(this.waiting + i, CONTENT));
    await this.#store.insert(messages, Date.now());
    this.waiting = target;
  }

  /** Claims and settles until only so many wait. */
  async drain(target: number): Promise<void> {
    while (this.waiting > target) await this.#round(Math.min(200, this.waiting - target));
  }

  /** With each round as many messages come as go. */
  async measure(): Promise<Measured> {
    const target = this.waiting;
    const times: { readonly claim: number; readonly settle: number }[] = [];
    // The first ones prepare statements and bring pages into memory.
    for (let i = 0; i < ROUNDS + 10; i++) {
      const time = await this.#round(CLAIMED);
      if (i >= 10) times.push(time);
      await this.#refill(target);
    }
    const pages = await this.#count(target);
    const claims = times.map(({ claim }) => claim);
    return {
      server: this.#server,
      waiting: this.waiting,
      finished: this.finished,
      claim: median(claims),
      claimP99: quantile(claims, 0.99),
      settle: median(times.map(({ settle }) => settle)),
      pages,
    };
  }

  async #count(target: number): Promise<Pages | undefined> {
    if (!this.#url.startsWith('postgres')) return undefined;
    await this.#store.close();
    const pages = await pagesTouched(this.#url, COUNTED, CLAIMED);
    this.#store = await openStore(this.#url);
    this.waiting -= COUNTED * CLAIMED;
    this.finished += COUNTED * CLAIMED;
    await this.#refill(target);
    return pages;
  }

  /** As the janitor removes what retention no longer keeps; waits once in between, so that a vacuum may come. */
  async purge(): Promise<void> {
    const times: number[] = [];
    while (this.finished > 0) {
      const begun = performance.now();
      const purged = await this.#store.purge({ states: ['sent'], changedBefore: Date.now() }, PURGED);
      times.push(performance.now() - begun);
      if (purged === 0) break;
      this.finished -= purged;
    }
    say(
      `  ${this.#server}: purged ${PURGED} at once in ${round(median(times), 1)} ms, p99 ${round(quantile(times, 0.99), 1)} ms`,
    );
    this.finished = 0;
  }

  async #round(limit: number): Promise<{ readonly claim: number; readonly settle: number }> {
    const begun = performance.now();
    const claims = await claimSome(this.#store, limit);
    const claimed = performance.now();
    await this.#store.settle(sent(claims), Date.now());
    if (claims.length === 0) throw new Error('nothing was claimed');
    this.waiting -= claims.length;
    this.finished += claims.length;
    return { claim: claimed - begun, settle: performance.now() - claimed };
  }
}

/** So long ago that the last of so many copies came before now. */
function timeFor(count: number): number {
  return Date.now() - count * APART - HOUR;
}

async function measureEngine(engine: Engine, most: number): Promise<readonly Measured[]> {
  const rows: Measured[] = [];
  const note = async (filled: Filled): Promise<void> => {
    const row = await filled.measure();
    rows.push(row);
    show(row);
  };
  const sizes = [1e3, 1e4, 1e5, 1e6, 1e7].filter((size) => size <= most);
  await inQueue(engine, async (filled, server) => {
    for (const size of sizes) {
      await filled.fill(size, most);
      await note(filled);
    }
    if (values.written) return;
    say(`  ${server}: draining ${most.toLocaleString('en')}`);
    for (const size of sizes.toReversed()) {
      await filled.drain(size);
      if (size < most) await note(filled);
    }
    await filled.purge();
    await note(filled);
  });
  if (!values.written) return rows;
  await inQueue(engine, async (filled) => {
    await filled.finish(most);
    for (const size of sizes.filter((each) => each <= most / 10)) {
      await filled.fill(size, most);
      await note(filled);
    }
  });
  return rows;
}

interface Queue {
  readonly url: string;
  readonly server: string;
  drop(): Promise<void>;
}

/** What there is to remove when somebody wants no more. */
const queues = new Set<Queue>();

async function inQueue(engine: Engine, work: (filled: Filled, server: string) => Promise<void>): Promise<void> {
  const queue = await ownQueue(engine);
  queues.add(queue);
  try {
    const filled = await Filled.open(queue);
    await work(filled, queue.server).finally(() => filled.close());
  } finally {
    if (queues.delete(queue)) await queue.drop();
  }
}

async function leave(): Promise<void> {
  const left = [...queues];
  queues.clear();
  for (const queue of left) await queue.drop();
  process.exit(130);
}

function show({ server, waiting, finished, claim, claimP99, settle, pages }: Measured): void {
  const n = (value: number): string => value.toLocaleString('en');
  const ms = (value: number): string => String(round(value, 1));
  const counted = pages === undefined ? ' | ' : `${ms(pages.claim)} | ${ms(pages.settle)}`;
  process.stdout.write(
    `| ${server} | ${n(waiting)} | ${n(finished)} | ${ms(claim)} | ${ms(claimP99)} | ${ms(settle)} | ${counted} |\n`,
  );
}

async function ownQueue(engine: Engine): Promise<Queue> {
  if (engine !== 'sqlite') return makeDatabase(values[engine]);
  const folder = mkdtempSync(join(values.folder, 'posthaste-claims-'));
  return {
    url: join(folder, 'queue.db'),
    server: 'SQLite',
    drop: async () => rmSync(folder, { recursive: true }),
  };
}

function plotOf(rows: readonly Measured[], most: number): string {
  const lines = [...new Set(rows.map(({ server }) => server))].flatMap((server): Line[] => {
    const own = rows.filter((row) => row.server === server);
    const line = (some: readonly Measured[]): Line['points'] =>
      some.map(({ waiting, claim, settle }) => [waiting, (claim + settle) / CLAIMED] as const);
    return [
      {
        name: server,
        points: line(
          own.slice(
            0,
            own.findIndex(({ finished }) => finished >= most / 2),
          ),
        ),
      },
      {
        name: `${server}, beside finished mail`,
        points: line(own.filter(({ finished }) => finished >= most / 2)).toReversed(),
        dashed: true,
      },
    ];
  });
  return svgOf({
    title: `Claim and settlement of one message, ${CLAIMED} at a time`,
    xLabel: 'messages waiting',
    yLabel: 'ms for each message',
    lines,
  });
}

async function main(): Promise<void> {
  const most = Number(values.most);
  if (!Number.isInteger(most) || most < 1_000) throw new Error(`--most ${values.most}: give a whole number from 1000`);
  say(`${showFacts(factsOf(values.folder))}; load ${loadavg()[0]?.toFixed(2)} at the start`);
  process.stdout.write(
    `| engine | waiting | finished, with a log | claim ${CLAIMED}, ms | p99 | settle ${CLAIMED}, ms | pages, claim | settle |\n|---|---:|---:|---:|---:|---:|---:|---:|\n`,
  );
  const rows: Measured[] = [];
  for (const engine of values.engine) {
    if (!ENGINES.includes(engine as Engine)) throw new Error(`--engine ${engine}: allowed are ${ENGINES.join(', ')}`);
    rows.push(...(await measureEngine(engine as Engine, most)));
  }
  say(`load ${loadavg()[0]?.toFixed(2)} at the end`);
  if (values.plot !== undefined) writeFileSync(values.plot, plotOf(rows, most));
}

try {
  if (values.help) process.stdout.write(USAGE);
  else {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void leave());
    await main();
  }
} catch (error) {
  say(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
