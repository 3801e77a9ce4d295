/** The ways in which a request handler can get rid of a mail, each behind one function. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createTransport } from 'nodemailer';
import type { Mail, MailQueue } from 'posthaste';

/** What an application under measurement is told. */
export interface Setting {
  readonly way: WayName;
  /** An empty folder; the caller removes it. */
  readonly folder: string;
  readonly relayPort: number;
  /** Where the packages of others are installed. */
  readonly peers: string;
  readonly redisPort: number;
  readonly postgres: string;
}

export interface Way {
  /** Resolves when the handler may answer its client. */
  send(mail: Mail): Promise<unknown>;
}

export interface WayFacts {
  readonly title: string;
  /** What has happened to the mail when the handler goes on. */
  readonly promise: string;
  readonly open: (setting: Setting) => Promise<Way>;
  /** Package of somebody else that it needs. */
  readonly peer?: string;
  readonly needs?: 'redis' | 'redis always' | 'postgres';
}

export const WAYS = {
  direct: { title: 'Nodemailer to the relay', promise: 'taken by the relay', open: direct },
  submit: { title: 'posthaste, submit()', promise: 'synced', open: async (setting) => submitting(await ours(setting)) },
  nodemailer: {
    title: 'posthaste, Nodemailer transport',
    promise: 'synced',
    open: async (setting) => mailer(await ours(setting)),
  },
  working: { title: 'posthaste, submit(), and work() in the same process', promise: 'synced', open: working },
  bullmq: {
    title: 'BullMQ, Redis that syncs always',
    promise: 'synced',
    open: bullmq,
    peer: 'bullmq',
    needs: 'redis always',
  },
  'bullmq-everysec': {
    title: 'BullMQ, Redis that syncs each second',
    promise: 'in memory',
    open: bullmq,
    peer: 'bullmq',
    needs: 'redis',
  },
  'pg-boss': { title: 'pg-boss, PostgreSQL', promise: 'synced', open: pgBoss, peer: 'pg-boss', needs: 'postgres' },
} as const satisfies Record<string, WayFacts>;

export type WayName = keyof typeof WAYS;

/** Connections enough that nobody waits for one. */
const CONNECTIONS = 100;

async function direct({ relayPort }: Setting): Promise<Way> {
  const pool = createTransport({
    host: '127.0.0.1',
    port: relayPort,
    pool: true,
    maxConnections: CONNECTIONS,
    ignoreTLS: true,
  });
  return { send: (mail) => pool.sendMail(mail) };
}

async function ours({ folder, relayPort }: Setting): Promise<MailQueue> {
  const { openQueue } = await import('posthaste');
  return openQueue({ database: join(folder, 'queue.db'), relay: `smtp://127.0.0.1:${relayPort}` });
}

function submitting(queue: MailQueue): Way {
  return { send: (mail) => queue.submit(mail) };
}

function mailer(queue: MailQueue): Way {
  const transport = createTransport(queue.transport());
  return { send: (mail) => transport.sendMail(mail) };
}

async function working(setting: Setting): Promise<Way> {
  const queue = await ours(setting);
  await queue.work();
  return submitting(queue);
}

async function bullmq({ peers, redisPort }: Setting): Promise<Way> {
  const { Queue } = (await peer(peers, 'bullmq')) as {
    readonly Queue: new (name: string, options: object) => { add(name: string, data: unknown): Promise<unknown> };
  };
  const queue = new Queue('mail', { connection: { host: '127.0.0.1', port: redisPort } });
  return { send: (mail) => queue.add('send', mail) };
}

interface Boss {
  on(event: 'error', listener: (error: Error) => void): void;
  start(): Promise<unknown>;
  createQueue(name: string): Promise<unknown>;
  send(name: string, data: unknown): Promise<unknown>;
}
type BossClass = new (options: object) => Boss;

async function pgBoss({ peers, postgres }: Setting): Promise<Way> {
  const found = (await peer(peers, 'pg-boss')) as { readonly PgBoss?: BossClass; readonly default?: BossClass };
  const Class = found.PgBoss ?? found.default;
  if (Class === undefined) throw new Error('this version of pg-boss is not known here');
  const boss = new Class({ connectionString: postgres, max: 20 });
  boss.on('error', (error) => process.stderr.write(`pg-boss: ${error.message}\n`));
  await boss.start();
  await boss.createQueue('mail');
  return { send: (mail) => boss.send('mail', mail) };
}

/** A package as installed in the folder of peers, not here. */
export function peer(folder: string, name: string): Promise<unknown> {
  return import(pathToFileURL(createRequire(join(folder, 'none.js')).resolve(name)).href);
}
