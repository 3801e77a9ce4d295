/** `npm run demo`: within a bounded number of events a newcomer has seen every state, and nothing is left of it. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { started, temporaryFolder } from '../support/posthaste.ts';

const MAIN = fileURLToPath(new URL('../../demo/main.ts', import.meta.url));
/** The opening makes some 150; each further message of the stream two to six. */
const MOST = 600;

const STATES = ['queued', 'sending', 'sent', 'held', 'bounced', 'cancelled', 'captured'];
const MARKS = ['deferred', 'inDoubt', 'refused', 'expired', 'suppressed'];
const STANDINGS = ['fine', 'failing'];
/** Of the webhooks. */
const TOLD = ['webhook well', 'webhook failing'];

interface Status {
  readonly states: Readonly<Record<string, number>>;
  readonly deferred: number;
  readonly inDoubt: number;
}

async function read<T>(url: string): Promise<T> {
  return (await (await fetch(url)).json()) as T;
}

/** What can be seen at this moment. */
async function look(api: string): Promise<string[]> {
  const { states, deferred, inDoubt } = await read<Status>(`${api}/status`);
  const { relays } = await read<{ relays: readonly { standing: string }[] }>(`${api}/relays`);
  const { webhooks } = await read<{ webhooks: readonly { standing: string }[] }>(`${api}/webhooks`);
  const { rows } = await read<{ rows: readonly { reason: string }[] }>(`${api}/messages?state=bounced`);
  const counts = Object.entries({ ...states, deferred, inDoubt });
  const standings = relays.map(({ standing }) => standing);
  return [
    ...counts.flatMap(([name, count]) => (count > 0 ? [name] : [])),
    ...rows.map(({ reason }) => reason),
    ...standings,
    ...webhooks.map(({ standing }) => `webhook ${standing}`),
  ];
}

/** Looks after each event, until nothing is missing. */
async function lookUntilAll(api: string, wanted: readonly string[]): Promise<void> {
  const missing = new Set(wanted);
  const response = await fetch(`${api}/events`);
  let events = 0;
  for await (const piece of (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream())) {
    events += piece.match(/^event:/gm)?.length ?? 0;
    for (const seen of await look(api)) missing.delete(seen);
    if (missing.size === 0) return;
    if (events > MOST) throw new Error(`${events} events, and nothing was ${[...missing].join(', ')}`);
  }
}

test('the demonstration shows every state, and leaves nothing behind', { timeout: 240_000 }, async () => {
  using folder = temporaryFolder();
  const environment = { TMPDIR: folder.path, POSTHASTE_MAX_AGE: 'of the user, and no concern of it' };
  const args = [MAIN, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'];
  const demo = started(args, { dataDir: folder.path, environment });
  const screen = await demo.written('Ctrl-C');
  const admin = /http:\/\/127\.0\.0\.1:\d+/.exec(screen)?.[0] as string;
  const data = /--data-dir (\S+)/.exec(screen)?.[1] as string;
  expect(screen.split('\n').length).toBeLessThan(24);
  expect(existsSync(data)).toBe(true);

  await lookUntilAll(`${admin}/api/v1`, [...STATES, ...MARKS, ...STANDINGS, ...TOLD]);

  demo.signal('SIGINT');
  expect([await demo.ended(), demo.output.join('\n')]).toEqual([0, screen]);
  expect(existsSync(data)).toBe(false);
  await expect(fetch(`${admin}/livez`)).rejects.toThrow('fetch failed');
});
