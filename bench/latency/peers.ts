/** The servers that the queues of others need: a private Redis, and a database of our own in a PostgreSQL that runs. */
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { makeDatabase } from '../database.ts';
import { end, start, which } from '../processes.ts';
import { freePort } from '../smtp.ts';
import { peer, type WayFacts } from './ways.ts';

/** Whatever serves a way; `fault` when it cannot be had. */
export type Served =
  | { readonly redisPort: number; readonly postgres: string; readonly stop: () => Promise<void> }
  | { readonly fault: string };

const NOTHING = { redisPort: 0, postgres: '', stop: async () => undefined };

export async function serve(facts: WayFacts, folder: string, peers: string, postgres: string): Promise<Served> {
  if (facts.peer !== undefined && !(await isInstalled(peers, facts.peer))) {
    return { fault: `${facts.peer} is not installed in ${peers} (npm install ${facts.peer} there)` };
  }
  if (facts.needs === 'postgres') return ownPostgres(postgres);
  return facts.needs === undefined ? NOTHING : ownRedis(folder, facts.needs === 'redis always' ? 'always' : 'everysec');
}

function isInstalled(peers: string, name: string): Promise<boolean> {
  return peer(peers, name).then(
    () => true,
    () => false,
  );
}

async function ownRedis(folder: string, sync: 'always' | 'everysec'): Promise<Served> {
  const program = which('redis-server');
  if (program === undefined) return { fault: 'redis-server is not installed (Debian: apt-get install redis-server)' };
  const port = await freePort();
  const directory = join(folder, 'redis');
  mkdirSync(directory);
  const log = ['--appendonly', 'yes', '--appendfsync', sync, '--save', ''];
  const child = start(program, ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, ...log], {
    stdio: 'ignore',
  });
  await untilListening(port);
  return { ...NOTHING, redisPort: port, stop: () => end(child) };
}

async function untilListening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    const up = await promise;
    socket.destroy();
    if (up) return;
    await new Promise((wait) => setTimeout(wait, 25));
  }
  throw new Error('redis-server does not start');
}

async function ownPostgres(server: string): Promise<Served> {
  try {
    const { url, drop } = await makeDatabase(server);
    return { ...NOTHING, postgres: url, stop: drop };
  } catch (error) {
    return { fault: `no database at ${server}: ${error instanceof Error ? error.message : String(error)}` };
  }
}
