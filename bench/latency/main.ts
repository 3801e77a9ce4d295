/** `npm run bench:latency`: how long a mail keeps a request handler waiting, by the way it is handed over, in one run. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { factsOf, showFacts } from '../facts.ts';
import { median, quantile, round } from '../figures.ts';
import { end, start } from '../processes.ts';
import { count, run } from '../program.ts';
import { Sink } from '../sink.ts';
import { serve } from './peers.ts';
import { type Setting, WAYS, type WayFacts, type WayName } from './ways.ts';

const USAGE = `npm run bench:latency -- [options]
  --way NAME       one of ${Object.keys(WAYS).join(', ')} (default: all); may be repeated
  --rate N         requests a second, whether or not the ones before are answered (default: 100); 0: each when the one before is answered
  --distance MS    round trip to the relay (default: 50)
  --runs N         runs of each way, alternating (default: 3)
  --peers FOLDER   where bullmq, ioredis and pg-boss are installed (default: this folder)
  --postgres URL   where pg-boss may make a database (default: postgres://postgres@127.0.0.1:5432/postgres)
  --folder PATH    where to keep the queues: the disk that is measured (default: a temporary folder)
  --json           one JSON object a line for each way
`;

const { values } = parseArgs({
  options: {
    way: { type: 'string', multiple: true },
    rate: { type: 'string', default: '100' },
    distance: { type: 'string', default: '50' },
    runs: { type: 'string', default: '3' },
    peers: { type: 'string', default: process.cwd() },
    postgres: { type: 'string', default: 'postgres://postgres@127.0.0.1:5432/postgres' },
    folder: { type: 'string', default: tmpdir() },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const WARM_UP_MS = 3000;
const MEASURED_MS = 6000;

interface Figures {
  /** Milliseconds that the handler waited. */
  readonly p50: number;
  readonly p99: number;
}

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};
const rate = values.rate === '0' ? null : count('rate', values.rate);

async function main(): Promise<void> {
  const names = (values.way ?? Object.keys(WAYS)).map(wayName);
  mkdirSync(values.folder, { recursive: true });
  const folder = mkdtempSync(join(values.folder, 'posthaste-latency-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const facts = factsOf(folder);
  say(
    `${showFacts(facts)}; ${rate === null ? 'one request after the other' : `${rate} requests a second`}, relay ${values.distance} ms away`,
  );
  const sink = await Sink.open(folder);
  const far = start(process.execPath, [
    script('far.ts'),
    String(sink.port),
    String(count('distance', values.distance)),
  ]);
  const relayPort = Number(await firstLine(far));
  const figures = new Map<WayName, Figures[]>();
  for (let run = 1; run <= count('runs', values.runs); run++) {
    for (const name of names) await measureOne(name, run, mkdtempSync(join(folder, `${name}-`)), relayPort, figures);
  }
  await end(far);
  await sink.close();
  show(figures, facts);
}

async function measureOne(
  name: WayName,
  run: number,
  folder: string,
  relayPort: number,
  figures: Map<WayName, Figures[]>,
): Promise<void> {
  const facts: WayFacts = WAYS[name];
  const served = await serve(facts, folder, values.peers, values.postgres);
  if ('fault' in served) {
    if (run === 1) say(`  ${facts.title}: left out, ${served.fault}`);
    return;
  }
  const { redisPort, postgres } = served;
  try {
    const one = await measure({ way: name, folder, relayPort, peers: values.peers, redisPort, postgres });
    figures.set(name, [...(figures.get(name) ?? []), one]);
    say(`  ${facts.title}, run ${run}: p50 ${one.p50.toFixed(2)} ms, p99 ${one.p99.toFixed(2)} ms`);
  } finally {
    await served.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(setting: Setting): Promise<Figures> {
  const child = start(process.execPath, [script('application.ts'), JSON.stringify(setting)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const port = Number(await firstLine(child));
    const agent = new Agent({ keepAlive: true });
    await load(port, agent, WARM_UP_MS);
    await ask(port, agent, 'GET');
    await load(port, agent, MEASURED_MS);
    const waits = JSON.parse(await ask(port, agent, 'GET')) as number[];
    agent.destroy();
    return { p50: quantile(waits, 0.5), p99: quantile(waits, 0.99) };
  } finally {
    await end(child);
  }
}

async function load(port: number, agent: Agent, ms: number): Promise<void> {
  const begun = performance.now();
  if (rate !== null) return loadAt(rate, port, agent, ms);
  while (performance.now() - begun < ms) await ask(port, agent, 'POST');
}

/** Requests come as they do from many people: nobody waits for somebody else's answer. */
async function loadAt(rate: number, port: number, agent: Agent, ms: number): Promise<void> {
  const begun = performance.now();
  const asked: Promise<string>[] = [];
  for (let elapsed = 0; elapsed < ms; elapsed = performance.now() - begun) {
    while (asked.length < (elapsed / 1000) * rate) asked.push(ask(port, agent, 'POST'));
    await new Promise((wait) => setTimeout(wait, 1));
  }
  await Promise.all(asked);
}

function ask(port: number, agent: Agent, method: 'GET' | 'POST'): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const asking = request({ host: '127.0.0.1', port, agent, method }, (response) => {
    const parts: Buffer[] = [];
    response.on('data', (part: Buffer) => parts.push(part));
    response.on('end', () => {
      if (response.statusCode === 200) resolve(Buffer.concat(parts).toString());
      else reject(new Error(`the application answered ${response.statusCode}`));
    });
  });
  asking.on('error', reject);
  asking.end();
  return promise;
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('a program without output');
  const lines = createInterface({ input: child.stdout });
  const first = once(lines, 'line') as Promise<[string]>;
  const ended = once(child, 'exit').then(() => {
    throw new Error('the application under measurement did not start');
  });
  const [line] = await Promise.race([first, ended]);
  return line;
}

function show(all: ReadonlyMap<WayName, readonly Figures[]>, machine: object): void {
  if (!values.json) {
    process.stdout.write('| handed over by | then the mail is | p50 ms | p99 ms |\n|---|---|---:|---:|\n');
  }
  for (const [name, figures] of all) {
    const middle = (pick: (one: Figures) => number, digits: number): number => round(median(figures.map(pick)), digits);
    const p50 = middle((one) => one.p50, 2);
    const p99 = middle((one) => one.p99, 2);
    const { title, promise } = WAYS[name];
    const line = values.json
      ? JSON.stringify({ way: name, promise, p50, p99, runs: figures.length, rate, machine })
      : `| ${title} | ${promise} | ${p50} | ${p99} |`;
    process.stdout.write(`${line}\n`);
  }
}

function wayName(text: string): WayName {
  if (Object.hasOwn(WAYS, text)) return text as WayName;
  throw new Error(`--way ${text}: allowed are ${Object.keys(WAYS).join(', ')}`);
}

function script(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

await run(async () => {
  if (values.help) process.stdout.write(USAGE);
  else await main();
});
