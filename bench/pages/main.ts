/** `npm run bench:pages`: how soon the pages are there with a million deliveries, and what the server takes for it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { chromium, type Page } from 'playwright-core';
import { CHROMIUM_FLAGS, findChromium } from '../../scripts/chromium.ts';
import { end, start as startProcess } from '../processes.ts';
import { count, run } from '../program.ts';
import { fill } from './fill.ts';

const BIN = join(import.meta.dirname, '../../bin/posthaste.js');

interface Running {
  readonly origin: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Delivers nothing: what waits is to wait. */
async function start(folder: string): Promise<Running> {
  const flags = ['--data-dir', folder, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--deliver', 'no'];
  const child = startProcess(process.execPath, [BIN, 'serve', ...flags, '--log-format', 'json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output = child.stdout as Readable;
  for await (const line of createInterface({ input: output })) {
    if (!line.includes('"ready"')) continue;
    const { pages } = JSON.parse(line) as { readonly pages: string };
    output.resume();
    return { origin: pages.replace(/\/$/, ''), pid: child.pid as number, stop: () => end(child) };
  }
  throw new Error('posthaste serve did not start');
}

const figures: { readonly what: string; readonly ms: readonly number[] }[] = [];

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Runs it some times; the first time also counts. */
async function measure(what: string, times: number, run: () => Promise<number>): Promise<void> {
  const ms: number[] = [];
  for (let i = 0; i < times; i++) ms.push(await run());
  figures.push({ what, ms });
  const [middle, most] = [median(ms), Math.max(...ms)].map((value) => value.toFixed(0).padStart(6));
  process.stdout.write(`${what.padEnd(58)} median ${middle} ms, longest ${most} ms\n`);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

/** From the beginning of the visit to the moment at which the selector is on the page, as the page saw it. */
async function visit(page: Page, url: string, selector: string): Promise<number> {
  await page.goto('about:blank');
  await page.goto(url, { waitUntil: 'commit' });
  return page.evaluate(`new Promise((resolve) => {
    const look = () => document.querySelector(${JSON.stringify(selector)}) === null
      ? requestAnimationFrame(look) : resolve(performance.now());
    look();
  })`);
}

/** To the moment at which something is seen for the first time. */
async function firstPaint(page: Page, url: string): Promise<number> {
  await page.goto('about:blank');
  await page.goto(url, { waitUntil: 'commit' });
  return page.evaluate(`new Promise((resolve) => {
    new PerformanceObserver((list) => resolve(list.getEntriesByName('first-contentful-paint')[0].startTime))
      .observe({ type: 'paint', buffered: true });
  })`);
}

/** To the end of what is loaded, until what comes behind it is there. */
function turn(page: Page): Promise<number> {
  return page.evaluate(`new Promise((resolve) => {
    const frame = document.querySelector('[role=grid]');
    const before = frame.scrollHeight;
    const begin = performance.now();
    frame.scrollTop = before;
    const look = () => {
      if (frame.scrollHeight === before) return requestAnimationFrame(look);
      frame.scrollTop = before;
      requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - begin)));
    };
    look();
  })`);
}

function memoryOf(pid: number): string {
  try {
    return /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '?';
  } catch {
    return '?';
  }
}

async function measureAll({ origin, pid }: Running, page: Page): Promise<void> {
  const api = `${origin}/api/v1`;
  const ask = async (path: string): Promise<void> => void (await (await fetch(api + path)).arrayBuffer());
  const sayMemory = (when: string): void => {
    process.stdout.write(`${`memory of the server ${when}`.padEnd(58)} ${Number(memoryOf(pid)) / 1_000} MB\n`);
  };
  sayMemory('at the beginning');
  for (const path of [
    '/messages?limit=200',
    '/messages?limit=200&state=held',
    '/messages/count',
    '/messages?text=999999&limit=200',
    '/status',
    '/flow?span=hour',
    '/flow?span=week',
    '/relays',
  ])
    await measure(`GET ${path}`, 5, () => timed(() => ask(path)));
  await measure('Messages: first paint', 5, () => firstPaint(page, `${origin}/messages`));
  await measure('Messages: first rows', 5, () => visit(page, `${origin}/messages`, '[role=row]'));
  await measure('Messages: the next 200 rows', 20, () => turn(page));
  await measure('Messages, held: first rows', 3, () => visit(page, `${origin}/messages?state=held`, '[role=row]'));
  await measure('Messages, by recipient: first rows', 3, () =>
    visit(page, `${origin}/messages?recipient=reader${Math.floor(Number(values.count) / 2)}@example.org`, '[role=row]'),
  );
  await measure('Overview: numbers', 5, () => visit(page, `${origin}/`, '.number-card'));
  await measure('Overview: lines of the hour', 5, () => visit(page, `${origin}/`, '.plot canvas'));
  sayMemory('at the end');
}

const USAGE = `npm run bench:pages -- [options]
  --count N        deliveries to fill the queue with (default: 1000000)
  --folder PATH    the folder of a queue that was kept, which is measured as it is
  --keep           keep the queue that was made, and say where
`;

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '1000000' },
    folder: { type: 'string' },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

/** Makes a queue, or takes the one that is there. */
async function fillIn(folder: string): Promise<void> {
  // Makes the tables.
  await (await start(folder)).stop();
  const deliveries = count('count', values.count);
  const ms = await timed(async () => fill(join(folder, 'posthaste.db'), deliveries));
  process.stdout.write(`${deliveries} deliveries written in ${(ms / 1_000).toFixed(0)} s\n`);
}

async function measureIn(folder: string, program: string): Promise<void> {
  const running = await start(folder);
  const browser = await chromium.launch({ executablePath: program, args: CHROMIUM_FLAGS, chromiumSandbox: false });
  try {
    await measureAll(running, await browser.newPage());
  } finally {
    await browser.close();
    await running.stop();
  }
}

const made: string[] = [];
const cleanUp = (): void => {
  for (const folder of made)
    if (values.keep) process.stdout.write(`kept: ${folder}\n`);
    else rmSync(folder, { recursive: true, force: true });
};

await run(async () => {
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const program = findChromium();
  if (program === undefined) throw new Error('There is no Chromium in PATH.');
  const folder = values.folder ?? mkdtempSync(join(tmpdir(), 'posthaste-bench-pages-'));
  if (values.folder === undefined) {
    made.push(folder);
    await fillIn(folder);
  }
  await measureIn(folder, program);
}, cleanUp);
