/**
 * `npm run demo`: a posthaste of its own, relays that misbehave in every known way, and a stream of sample mail. All of it is on this
 * machine and in a temporary folder, which is removed at the end.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startRelays } from './relays.ts';
import { screen } from './screen.ts';
import { Server } from './server.ts';
import { Shop } from './shop.ts';
import { startWebhooks } from './webhooks.ts';

const USAGE = 'usage: npm run demo -- [--listen HOST:PORT] [--admin HOST:PORT]';

/** The usual ports of posthaste; others where somebody has them already. */
async function places(): Promise<{ listen: string; admin: string }> {
  const { values } = parseArgs({ options: { listen: { type: 'string' }, admin: { type: 'string' } } });
  return { listen: values.listen ?? (await free(2525)), admin: values.admin ?? (await free(8025)) };
}

function free(port: number): Promise<string> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve('127.0.0.1:0'));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(`127.0.0.1:${port}`)));
  });
}

/** Is aborted when somebody asks for the end. */
function asked(): AbortSignal {
  const end = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => end.abort(name));
  return end.signal;
}

/** Until somebody asks for the end. */
async function main(end: AbortSignal): Promise<void> {
  const { listen, admin } = await places();
  const folder = mkdtempSync(join(tmpdir(), 'posthaste-demo-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  await using relays = await startRelays();
  await using webhooks = await startWebhooks();
  await using server = new Server({ folder, listen, admin, relays: relays.settings, webhooks: webhooks.settings }, end);
  const addresses = await server.ready;
  const shop = new Shop(addresses.admin, end);
  await shop.open(Date.now());
  process.stdout.write(screen({ folder, ...addresses, rows: relays.rows }));
  await Promise.race([server.ended, shop.stream()]);
}

const end = asked();
try {
  await main(end);
} catch (error) {
  if (!end.aborted) {
    process.stderr.write(`posthaste demo: ${(error as Error).message}\n${USAGE}\n`);
    process.exitCode = 1;
  }
}
