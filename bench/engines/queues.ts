/** The queues that are compared, each as one that takes a mail and one that works. */
import { createTransport } from 'nodemailer';
import { openQueue } from 'posthaste';
import { peer } from '../latency/ways.ts';

/** What a process of the measurement is told. */
export interface Setting {
  readonly queue: QueueName;
  readonly part: 'accept' | 'work';
  /** Of posthaste: any; of the others: PostgreSQL. */
  readonly database: string;
  readonly folder: string;
  readonly peers: string;
  readonly relayPort: number;
  /** Of this process to the relay. */
  readonly connections: number;
  readonly messages: number;
}

interface Mail {
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

interface Queue {
  /** Resolves when the mail is safe. */
  open(setting: Setting): Promise<{ send(mail: Mail): Promise<unknown>; close(): Promise<unknown> }>;
  /** Delivers until the process ends; absent: `posthaste work` does. */
  work?(setting: Setting): Promise<unknown>;
}

export const QUEUES = {
  posthaste: { open: ours },
  'pg-boss': { open: openBoss, work: workBoss },
  'graphile-worker': { open: openGraphile, work: workGraphile },
} as const satisfies Record<string, Queue>;

export type QueueName = keyof typeof QUEUES;

const NAME = 'mail';
/** Jobs that pg-boss takes at once: it looks for more twice a second, at most. */
const BATCH = 200;

async function ours({ database, folder }: Setting): ReturnType<Queue['open']> {
  const queue = await openQueue({ database, dataDir: folder });
  return { send: (mail) => queue.submit(mail), close: () => queue.close() };
}

/** Nodemailer with a pool, as the handler of a job would have it. */
function sender({ relayPort, connections }: Setting): (mail: Mail) => Promise<unknown> {
  const host = { host: '127.0.0.1', port: relayPort, ignoreTLS: true };
  const transport = createTransport({ ...host, pool: true, maxConnections: connections, maxMessages: Infinity });
  return (mail) => transport.sendMail(mail);
}

interface Job {
  readonly data: Mail;
}

interface Boss {
  on(event: 'error', listener: (error: Error) => void): void;
  start(): Promise<unknown>;
  stop(): Promise<unknown>;
  createQueue(name: string): Promise<unknown>;
  send(name: string, data: unknown): Promise<unknown>;
  work(name: string, options: object, handler: (jobs: readonly Job[]) => Promise<unknown>): Promise<unknown>;
}
type BossClass = new (options: object) => Boss;

async function startBoss({ peers, database }: Setting): Promise<Boss> {
  const found = (await peer(peers, 'pg-boss')) as { readonly PgBoss?: BossClass; readonly default?: BossClass };
  const Class = found.PgBoss ?? found.default;
  if (Class === undefined) throw new Error('this version of pg-boss is not known here');
  const boss = new Class({ connectionString: database, max: 10 });
  boss.on('error', (error) => process.stderr.write(`pg-boss: ${error.message}\n`));
  await boss.start();
  await boss.createQueue(NAME);
  return boss;
}

async function openBoss(setting: Setting): ReturnType<Queue['open']> {
  const boss = await startBoss(setting);
  return { send: (mail) => boss.send(NAME, mail), close: () => boss.stop() };
}

async function workBoss(setting: Setting): Promise<void> {
  const boss = await startBoss(setting);
  const send = sender(setting);
  const options = { batchSize: BATCH, pollingIntervalSeconds: 0.5 };
  await boss.work(NAME, options, (jobs) => Promise.all(jobs.map(({ data }) => send(data))));
}

interface Graphile {
  makeWorkerUtils(options: object): Promise<{
    migrate(): Promise<unknown>;
    addJob(task: string, payload: unknown): Promise<unknown>;
    release(): Promise<unknown>;
  }>;
  run(options: object): Promise<unknown>;
}

async function openGraphile({ peers, database }: Setting): ReturnType<Queue['open']> {
  const { makeWorkerUtils } = (await peer(peers, 'graphile-worker')) as Graphile;
  const utils = await makeWorkerUtils({ connectionString: database });
  await utils.migrate();
  return { send: (mail) => utils.addJob(NAME, mail), close: () => utils.release() };
}

async function workGraphile(setting: Setting): Promise<void> {
  const { run } = (await peer(setting.peers, 'graphile-worker')) as Graphile;
  const { database, connections } = setting;
  const quiet = { connectionString: database, concurrency: connections, noHandleSignals: true };
  await run({ ...quiet, taskList: { [NAME]: sender(setting) } });
}
