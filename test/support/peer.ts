/** One of several processes on a database: a store, a worker and a janitor of its own, on a clock that tests turn. One whose clock stands still shows no life, like a process that crashed. */
import type { DeliveryParts } from '../../src/delivery/conclude.ts';
import { Janitor } from '../../src/delivery/janitor.ts';
import { RelayShare } from '../../src/delivery/relay-share.ts';
import { NO_LIMITS, Round } from '../../src/delivery/round.ts';
import { Shares } from '../../src/delivery/shares.ts';
import { Worker } from '../../src/delivery/worker.ts';
import { Queue } from '../../src/queue/queue.ts';
import { singleRelay } from '../../src/queue/route.ts';
import { defaultRetryPolicy } from '../../src/queue/schedule.ts';
import type { SettleGroup, Store } from '../../src/queue/store.ts';
import { Batch } from '../../src/runtime/batch.ts';
import type { ManualClock } from '../../src/runtime/clock.ts';
import { newId } from '../../src/runtime/id.ts';
import { noTracing } from '../../src/runtime/tracing.ts';
import { openStore } from '../../src/store/open.ts';
import { SmtpTransport } from '../../src/transport/smtp/smtp.ts';
import { Recorder } from './delivery.ts';

/** How long the share of a process is kept that shows no life, ms. */
export const SHARE_LEASE = 30_000;
const HEARTBEAT = 10_000;

export interface PeerOptions {
  readonly name: string;
  readonly path: string;
  readonly clock: ManualClock;
  readonly relayPort: number;
  /** Connections of all processes together. */
  readonly limit: number;
}

const policy = { ...defaultRetryPolicy, jitter: 0 };

export class Peer {
  readonly log = new Recorder();
  readonly store: Store;
  readonly queue: Queue;
  readonly transport: SmtpTransport;
  readonly share: RelayShare;
  readonly shares: Shares;
  readonly #janitor: Janitor;
  readonly #worker: Worker;
  #running = true;

  private constructor(store: Store, { name, clock, relayPort, limit }: PeerOptions) {
    const { log } = this;
    this.store = store;
    this.queue = new Queue({ store, clock, log, router: singleRelay, policy });
    const now = clock.now();
    const [id, place] = [newId(now), `place of ${name}`];
    const node = { id, host: name, place, pid: process.pid, role: 'work', startedAt: now, seenAt: now };
    const settle = (groups: readonly SettleGroup[]) => store.settle(groups, clock.now());
    const parts: DeliveryParts = {
      ...{ store, queue: this.queue, clock, log, hostname: name, random: () => 0.5, hooks: {}, tracing: noTracing },
      settlements: new Batch(settle, { maxItems: 200, parallel: 4, apart: true }),
    };
    this.transport = new SmtpTransport({ host: '127.0.0.1', port: relayPort, name, maxConnections: limit });
    const way = { name: 'default', host: null, transport: this.transport, connections: limit };
    const relay = { ...way, policy, doubt: 'resend' as const, rates: [], limits: NO_LIMITS, standIns: [] };
    this.share = new RelayShare(relay, id, parts);
    this.shares = new Shares(parts, { node, lease: SHARE_LEASE }, [this.share]);
    const { shares } = this;
    const tidiness = {
      lease: 60_000,
      interval: HEARTBEAT,
      retention: [],
      retainAudit: null,
      isAlive: () => true,
      processStarted: 0,
    };
    this.#janitor = new Janitor(parts, { node, shares, ...tidiness });
    const options = { holder: id, lease: 60_000, grace: 1_000, poll: 250, gather: 0 };
    this.#worker = new Worker(parts, relay, options, this.share, new Round(NO_LIMITS, { clock, log, pause: null }));
  }

  static async start(options: PeerOptions): Promise<Peer> {
    const peer = new Peer(await openStore(`sqlite:${options.path}`, {}), options);
    await peer.#janitor.start();
    await peer.#worker.start();
    return peer;
  }

  async submit(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#submit()));
  }

  async #submit(): Promise<void> {
    const id = this.queue.newId();
    const bytes = Buffer.from(`Subject: ${id}\r\n\r\nbody\r\n`);
    await this.queue.submit({
      ...{ id, content: { bytes }, size: bytes.length, eightBit: false, messageId: `<${id}@example.org>` },
      envelope: { sender: 'a@example.org', recipients: [{ address: 'b@example.com' }], smtputf8: false },
      ...{ subject: null, origin: 'smtp' },
    });
  }

  async stop(): Promise<void> {
    if (!this.#running) return;
    this.#running = false;
    await this.#worker.stop();
    await this.#janitor.stop();
    await this.store.close();
  }
}
