/** `npm run bench:wakeup`: how soon after a commit in one process the relay hears from a worker in another, by engine. */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { makeDatabase } from '../database.ts';
import { factsOf, showFacts } from '../facts.ts';
import { median, quantile, round } from '../figures.ts';
import { end, start } from '../processes.ts';
import { count, run } from '../program.ts';
import { TimingRelay } from './relay.ts';
import type { Committed, Submitting } from './submitter.ts';

const ENGINES = ['postgres', 'mysql', 'sqlite'] as const;
type Engine = (typeof ENGINES)[number];

const POOLS = ['cold', 'warm'] as const;
type Pool = (typeof POOLS)[number];

const USAGE = `npm run bench:wakeup -- [options]
  --engine NAME     one of ${ENGINES.join(', ')} (default: all); may be repeated
  --pool NAME       cold: each message has a connection of its own, until its 220; warm: connections are kept, until MAIL (default: both)
  --rate N          messages a second (default: 5 and 20); may be repeated
  --messages N      messages in each run, besides the first tenth, which goes unmeasured (default: 200)
  --runs N          runs of each case (default: 3)
  --postgres URL    (default: postgres://postgres@127.0.0.1:5432/postgres)
  --mysql URL       MariaDB or MySQL (default: mysql://root@127.0.0.1:3306/mysql)
  --folder PATH     where to keep SQLite's file (default: a temporary folder)
  --json            one JSON object a line for each case
`;

const { values } = parseArgs({
  options: {
    engine: { type: 'string', multiple: true, default: [...ENGINES] },
    pool: { type: 'string', multiple: true, default: [...POOLS] },
    rate: { type: 'string', multiple: true, default: ['5', '20'] },
    messages: { type: 'string', default: '200' },
    runs: { type: 'string', default: '3' },
    postgres: { type: 'string', default: 'postgres://postgres@127.0.0.1:5432/postgres' },
    mysql: { type: 'string', default: 'mysql://root@127.0.0.1:3306/mysql' },
    folder: { type: 'string', default: tmpdir() },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const BIN = fileURLToPath(new URL('../../bin/posthaste.js', import.meta.url));

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

interface Case {
  readonly engine: Engine;
  readonly pool: Pool;
  readonly rate: number;
}

/** Milliseconds from the commit's answer. */
interface Figures {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

interface OwnQueue {
  readonly database: string;
  readonly server: string;
  drop(): Promise<void>;
}

async function main(): Promise<void> {
  mkdirSync(values.folder, { recursive: true });
  const facts = factsOf(values.folder);
  say(`${showFacts(facts)}; load ${loadavg()[0]?.toFixed(2)} at the start`);
  if (!values.json)
    process.stdout.write(
      '| engine | connection | messages/s | p50 ms | p99 ms | max ms |\n|---|---|---:|---:|---:|---:|\n',
    );
  for (const engine of values.engine.map((name) => oneOf('engine', ENGINES, name)))
    for (const pool of values.pool.map((name) => oneOf('pool', POOLS, name)))
      for (const rate of values.rate.map((text) => count('rate', text)))
        await measureCase({ engine, pool, rate }, facts);
}

async function measureCase(one: Case, machine: object): Promise<void> {
  const runs: Figures[] = [];
  let server = '';
  for (let run = 1; run <= count('runs', values.runs); run++) {
    const folder = mkdtempSync(join(values.folder, 'posthaste-wakeup-'));
    const queue = await ownQueue(one.engine, folder);
    server = queue.server;
    try {
      runs.push(await measure(one, queue.database, folder));
    } finally {
      await queue.drop();
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const of = (pick: (figures: Figures) => number): number => round(median(runs.map(pick)), 1);
  const figures = { p50: of(({ p50 }) => p50), p99: of(({ p99 }) => p99), max: of(({ max }) => max) };
  const line = values.json
    ? JSON.stringify({ ...one, server, ...figures, runs: runs.length, load: loadavg()[0], machine })
    : `| ${server} | ${one.pool} | ${one.rate} | ${figures.p50} | ${figures.p99} | ${figures.max} |`;
  process.stdout.write(`${line}\n`);
}

async function ownQueue(engine: Engine, folder: string): Promise<OwnQueue> {
  if (engine === 'sqlite')
    return { database: join(folder, 'queue.db'), server: 'SQLite', drop: () => Promise.resolve() };
  const { url, server, drop } = await makeDatabase(values[engine]);
  return { database: url, server, drop };
}

async function measure({ pool, rate }: Case, database: string, folder: string): Promise<Figures> {
  const relay = new TimingRelay(pool === 'warm');
  const port = await relay.open();
  const worker = await startWorker(database, folder, port);
  const wanted = count('messages', values.messages);
  const spared = Math.ceil(wanted / 10);
  const committed = new Map<string, number>();
  const setting: Submitting = { database, dataDir: folder, rate, messages: wanted + spared };
  try {
    const submitter = start(process.execPath, [script('submitter.ts'), JSON.stringify(setting)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    submitter.on('message', ({ name, at }: Committed) => void committed.set(name, at));
    const [code] = (await once(submitter, 'close')) as [number | null];
    if (code !== 0) throw new Error('the submitter failed');
    await relay.reached(setting.messages);
  } finally {
    await end(worker);
    relay.close();
  }
  const times = [...committed].slice(spared).map(([name, at]) => (relay.began.get(name) ?? Number.NaN) - at);
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), max: Math.max(...times) };
}

/** Until it says that it is ready. */
async function startWorker(database: string, folder: string, port: number): Promise<ReturnType<typeof start>> {
  const child = start(process.execPath, [BIN, 'work', '--log-format', 'json'], {
    env: {
      ...process.env,
      POSTHASTE_DATABASE: database,
      POSTHASTE_DATA_DIR: folder,
      POSTHASTE_RELAY: `smtp://127.0.0.1:${port}`,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.stdout === null) throw new Error('a worker without output');
  for await (const line of createInterface({ input: child.stdout })) if (line.includes('"ready"')) break;
  child.stdout.resume();
  return child;
}

function oneOf<T extends string>(name: string, allowed: readonly T[], text: string): T {
  const found = allowed.find((each) => each === text);
  if (found !== undefined) return found;
  throw new Error(`--${name} ${text}: allowed are ${allowed.join(', ')}`);
}

function script(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

await run(async () => {
  if (values.help) process.stdout.write(USAGE);
  else await main();
});
