/** `npm run screenshots`: the pictures of the README, taken of the pages while the demonstration runs. About four minutes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from 'playwright-core';
import type { StatusAnswer } from '../src/admin/answers.ts';
import { CHROMIUM_FLAGS, findChromium } from './chromium.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = join(ROOT, 'docs/images');
/** Octets: a README is to open at once. */
const MOST = 200_000;
/** With so much of it the overview has something to show. */
const ENOUGH = 90;
/** Waited for a fault of its relay, and was sent by another. */
const STORY = 'Payment of 1,240.00 EUR';

const executablePath = findChromium();
if (executablePath === undefined) throw new Error('there is no Chromium in PATH: install one to take screenshots');

mkdirSync(FOLDER, { recursive: true });
const demo = spawn(process.execPath, ['demo/main.ts', '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'], {
  cwd: ROOT,
  stdio: ['ignore', 'pipe', 'inherit'],
});
const ended = once(demo, 'close');
try {
  const origin = await originOf(demo);
  await enough(origin);
  const browser = await chromium.launch({ executablePath, args: CHROMIUM_FLAGS, chromiumSandbox: false });
  const look = { viewport: { width: 1280, height: 800 }, locale: 'en-GB', colorScheme: 'light' } as const;
  const page = await browser.newPage({ ...look, timezoneId: 'Europe/Berlin', reducedMotion: 'reduce' });
  await page.goto(`${origin}/`);
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  await take(page, 'overview.png');
  await page.goto(`${origin}/messages/${await idOf(origin, STORY)}`);
  await page.getByRole('heading', { name: STORY }).waitFor();
  await take(page, 'message.png');
  await browser.close();
} finally {
  demo.kill('SIGTERM');
  await ended;
}

/** Where its pages are, as it says when it runs. */
async function originOf({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error('the demonstration says nothing');
  for await (const line of createInterface({ input: stdout })) {
    const origin = /http:\/\/[\w.:]+/.exec(line)?.[0];
    if (origin !== undefined) return origin;
  }
  throw new Error('the demonstration ended before it ran');
}

/** Looks at the sums whenever something happened. */
async function enough(origin: string): Promise<void> {
  const { body } = await fetch(`${origin}/api/v1/events`);
  for await (const _ of body ?? []) {
    const { states } = (await (await fetch(`${origin}/api/v1/status`)).json()) as StatusAnswer;
    if (states.sent >= ENOUGH) return;
  }
}

async function idOf(origin: string, subject: string): Promise<string> {
  const answer = await fetch(`${origin}/api/v1/messages?subject=${encodeURIComponent(subject)}`);
  const { rows } = (await answer.json()) as { readonly rows: readonly { readonly id: string }[] };
  const id = rows.at(-1)?.id;
  if (id === undefined) throw new Error(`there is no message ${JSON.stringify(subject)}`);
  return id;
}

async function take(page: Page, name: string): Promise<void> {
  const path = join(FOLDER, name);
  await page.waitForLoadState('networkidle').catch(() => undefined);
  await page.screenshot({ path });
  const { size } = statSync(path);
  if (size > MOST) throw new Error(`${name} has ${size} octets, more than ${MOST}`);
  process.stdout.write(`${path}: ${size} octets\n`);
}
