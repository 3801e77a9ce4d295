/** `npm run bench:engines`: how fast mail is taken and delivered, by engine and number of workers, beside job queues on the same PostgreSQL. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { makeDatabase } from '../database.ts';
import { factsOf, showFacts } from '../facts.ts';
import { median } from '../figures.ts';
import { peer } from '../latency/ways.ts';
import { end, start } from '../processes.ts';
import { count, run } from '../program.ts';
import { Sink } from '../sink.ts';
import type { QueueName, Setting } from './queues.ts';

const USAGE = `npm run bench:engines -- [options]
  --messages N      taken, and then delivered, in each run (default: 4000)
  --workers N       processes that deliver (default: 1, 2 and 4); may be repeated
  --runs N          runs of each case, alternating (default: 3)
  --peers FOLDER    where pg-boss and graphile-worker are installed (default: this folder)
  --postgres URL    (default: postgres://postgres@127.0.0.1:5432/postgres)
  --mysql URL       MariaDB or MySQL (default: mysql://root@127.0.0.1:3306/mysql)
`;

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '4000' },
    workers: { type: 'string', multiple: true, default: ['1', '2', '4'] },
    runs: { type: 'string', default: '3' },
    peers: { type: 'string', default: process.cwd() },
    postgres: { type: 'string', default: 'postgres://postgres@127.0.0.1:5432/postgres' },
    mysql: { type: 'string', default: 'mysql://root@127.0.0.1:3306/mysql' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const BIN = fileURLToPath(new URL('../../bin/posthaste.js', import.meta.url));
/** To the relay, of all workers together. */
const CONNECTIONS = 20;

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

interface Contender {
  readonly queue: QueueName;
  /** Empty: a file. */
  readonly server: string;
}

interface Rates {
  /** Messages a second. */
  readonly accept: number;
  readonly drain: number;
}

const CONTENDERS: readonly Contender[] = [
  { queue: 'posthaste', server: '' },
  { queue: 'posthaste', server: values.postgres },
  { queue: 'posthaste', server: values.mysql },
  { queue: 'pg-boss', server: values.postgres },
  { queue: 'graphile-worker', server: values.postgres },
];

async function main(): Promise<void> {
  say(`${showFacts(factsOf(tmpdir()))}; load ${loadavg()[0]?.toFixed(2)} at the start`);
  const there = await Promise.all(CONTENDERS.map(isThere));
  const contenders = CONTENDERS.filter((_, i) => there[i]);
  process.stdout.write('| queue | database | workers | taken/s | delivered/s |\n|---|---|---:|---:|---:|\n');
  for (const workers of values.workers.map((written) => count('workers', written))) await compare(contenders, workers);
  say(`load ${loadavg()[0]?.toFixed(2)} at the end`);
}

async function isThere({ queue }: Contender): Promise<boolean> {
  if (queue === 'posthaste') return true;
  try {
    await peer(values.peers, queue);
    return true;
  } catch {
    say(`  without ${queue}, which is not installed in ${values.peers} (npm install ${queue} there)`);
    return false;
  }
}

/** A B C, A B C: what changes on the machine meanwhile meets all. */
async function compare(contenders: readonly Contender[], workers: number): Promise<void> {
  const rates = new Map<Contender, Rates[]>();
  let names = new Map<Contender, string>();
  for (let run = 1; run <= count('runs', values.runs); run++)
    for (const contender of contenders) {
      const { name, ...rate } = await measure(contender, workers);
      rates.set(contender, [...(rates.get(contender) ?? []), rate]);
      names = names.set(contender, name);
    }
  for (const [contender, runs] of rates) {
    const of = (pick: (rate: Rates) => number): string => median(runs.map(pick)).toFixed(0);
    const cells = [contender.queue, names.get(contender), workers, of((rate) => rate.accept), of((rate) => rate.drain)];
    process.stdout.write(`| ${cells.join(' | ')} |\n`);
  }
}

async function measure({ queue, server }: Contender, workers: number): Promise<Rates & { readonly name: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'posthaste-engines-'));
  const own = server === '' ? undefined : await makeDatabase(server);
  const sink = await Sink.open(folder);
  const messages = count('messages', values.messages);
  const setting: Omit<Setting, 'part'> = {
    queue,
    database: own?.url ?? join(folder, 'queue.db'),
    folder,
    peers: values.peers,
    relayPort: sink.port,
    connections: CONNECTIONS / workers,
    messages,
  };
  try {
    const taken = await accept({ ...setting, part: 'accept' });
    const processes = Array.from({ length: workers }, () => startWorker({ ...setting, part: 'work' }));
    const first = await sink.reached(1);
    const last = await sink.reached(messages);
    await Promise.all(processes.map((child) => end(child)));
    const drain = ((last.count - first.count) / (last.at - first.at)) * 1000;
    return { accept: (messages / taken) * 1000, drain, name: own?.server ?? 'SQLite' };
  } finally {
    await sink.close();
    await own?.drop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** ms. */
async function accept(setting: Setting): Promise<number> {
  const child = start(process.execPath, [script('process.ts'), JSON.stringify(setting)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.stdout === null) throw new Error('a program without output');
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'close') as Promise<[number | null]>]);
  if (code !== 0) throw new Error(`${setting.queue} took no mail`);
  return Number(said);
}

function startWorker(setting: Setting): ReturnType<typeof start> {
  if (setting.queue !== 'posthaste')
    return start(process.execPath, [script('process.ts'), JSON.stringify(setting)], { stdio: 'ignore' });
  const env = {
    ...process.env,
    POSTHASTE_DATABASE: setting.database,
    POSTHASTE_DATA_DIR: setting.folder,
    POSTHASTE_RELAY: `smtp://127.0.0.1:${setting.relayPort}`,
    POSTHASTE_LOG_LEVEL: 'warn',
  };
  return start(process.execPath, [BIN, 'work'], { env, stdio: 'ignore' });
}

function script(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

await run(async () => {
  if (values.help) process.stdout.write(USAGE);
  else await main();
});
