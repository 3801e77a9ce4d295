/** The whole way out in one process: a real store, a real relay that misbehaves, and a clock that tests turn. */

import type { DeliveryParts } from '../../src/delivery/conclude.ts';
import type { Hooks } from '../../src/delivery/hooks.ts';
import { Janitor, type JanitorOptions } from '../../src/delivery/janitor.ts';
import type { Relay } from '../../src/delivery/relay.ts';
import { RelayShare } from '../../src/delivery/relay-share.ts';
import { NO_LIMITS, Round, type RoundLimits } from '../../src/delivery/round.ts';
import { Shares } from '../../src/delivery/shares.ts';
import { Worker } from '../../src/delivery/worker.ts';
import type { Recipient } from '../../src/mail/envelope.ts';
import type { Priority } from '../../src/queue/message.ts';
import { Queue } from '../../src/queue/queue.ts';
import type { Rate } from '../../src/queue/rate.ts';
import type { Node } from '../../src/queue/relay-store.ts';
import { singleRelay } from '../../src/queue/route.ts';
import { compileSafety, noSafeguard, type Safeguard, type SafetyOptions } from '../../src/queue/safety.ts';
import { defaultRetryPolicy, type RetryOverride, type RetryPolicy } from '../../src/queue/schedule.ts';
import type { Found, SettleGroup, Store } from '../../src/queue/store.ts';
import { Batch } from '../../src/runtime/batch.ts';
import { ManualClock } from '../../src/runtime/clock.ts';
import { newId } from '../../src/runtime/id.ts';
import type { Log, LogFields } from '../../src/runtime/log.ts';
import { noTracing } from '../../src/runtime/tracing.ts';
import { openStore } from '../../src/store/open.ts';
import type { SmtpOptions } from '../../src/transport/smtp/options.ts';
import { SmtpTransport } from '../../src/transport/smtp/smtp.ts';
import { isConnected, type Transport } from '../../src/transport/transport.ts';
import { type ScriptedOptions, type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import { temporaryFolder } from './posthaste.ts';

/** Keeps what was logged, and wakes who waits for it. */
export class Recorder implements Log {
  readonly events: { readonly event: string; readonly fields: LogFields }[] = [];
  #waiting = new Set<() => void>();

  #take(fields: LogFields, event: string): void {
    this.events.push({ event, fields });
    for (const look of [...this.#waiting]) look();
  }

  debug(): void {}
  info = (fields: LogFields, event: string): void => this.#take(fields, event);
  warn = (fields: LogFields, event: string): void => this.#take(fields, event);
  error = (fields: LogFields, event: string): void => this.#take(fields, event);

  count(event: string): number {
    return this.events.filter((each) => each.event.startsWith(event)).length;
  }

  /** Resolves when that many events of this name were logged in all. */
  until(event: string, count = 1): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.count(event) < count) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }
}

function safeguardOf({ safety }: StageOptions): Safeguard {
  return safety === undefined ? noSafeguard : compileSafety({ redirect: null, allow: null, holdAll: false, ...safety });
}

/** When the processes of a stage begin. */
const BEGINNING = Date.UTC(2026, 0, 1);
const POLL = 250;
/** Of a worker that is stopped, ms. */
export const GRACE = 1_000;

export interface StageOptions {
  readonly relay?: ScriptedOptions;
  readonly smtp?: Partial<SmtpOptions>;
  readonly policy?: Partial<RetryPolicy>;
  readonly doubt?: 'resend' | 'hold';
  /** In place of SMTP to the scripted relay. */
  readonly transport?: Transport;
  readonly lease?: number;
  /** Between claims for new work, ms; default: none. */
  readonly gather?: number;
  readonly hooks?: Hooks;
  readonly rates?: readonly Rate[];
  readonly limits?: Partial<RoundLimits>;
  /** Between two rounds, ms; default: there is one only. */
  readonly batchPause?: number;
  readonly safety?: Partial<SafetyOptions>;
  readonly sign?: (content: Uint8Array) => Promise<Uint8Array>;
  /** Of the database, which the caller removes. Default: one of its own. */
  readonly folder?: string;
}

export interface Submitted {
  readonly sender?: string | null;
  readonly recipients?: readonly (string | Recipient)[];
  readonly content?: string;
  readonly subject?: string;
  readonly expiresAt?: number;
  readonly sendAt?: number;
  readonly retry?: RetryOverride;
  readonly priority?: Priority;
}

export class Stage implements AsyncDisposable {
  readonly clock = new ManualClock(BEGINNING);
  readonly log = new Recorder();
  readonly store: Store;
  readonly queue: Queue;
  readonly relay: ScriptedRelay;
  readonly parts: DeliveryParts;
  readonly #options: StageOptions;
  readonly #policy: RetryPolicy;
  readonly #clean: () => void;
  #worker: Worker | undefined;

  readonly #reopen: () => Promise<Store>;
  readonly #others: Store[] = [];

  private constructor(
    [store, reopen]: [Store, () => Promise<Store>],
    relay: ScriptedRelay,
    options: StageOptions,
    clean: () => void,
  ) {
    this.#reopen = reopen;
    this.#options = options;
    this.#policy = { ...defaultRetryPolicy, jitter: 0, ...options.policy };
    this.store = store;
    this.relay = relay;
    this.queue = new Queue({
      store,
      clock: this.clock,
      log: this.log,
      router: singleRelay,
      policy: this.#policy,
      safeguard: safeguardOf(options),
    });
    const settle = (groups: readonly SettleGroup[]) => store.settle(groups, this.clock.now());
    const settlements = new Batch(settle, { maxItems: 200, parallel: 4, apart: true });
    this.parts = {
      store,
      queue: this.queue,
      clock: this.clock,
      log: this.log,
      hostname: 'queue.example.org',
      sign: options.sign,
      random: () => 0.5,
      hooks: options.hooks ?? {},
      tracing: noTracing,
      settlements,
    };
    this.#clean = clean;
  }

  static async open(options: StageOptions = {}): Promise<Stage> {
    const folder = options.folder === undefined ? temporaryFolder() : null;
    const path = options.folder ?? folder?.path;
    // In this thread: another one for each test takes ten times as long to start as all that the test asks of its store.
    const reopen = (): Promise<Store> => openStore(`sqlite:${path}/posthaste.db`, { here: true });
    const store = await reopen();
    const relay = await startRelay(options.relay);
    return new Stage([store, reopen], relay, options, () => folder?.[Symbol.dispose]());
  }

  relayParts(): Relay {
    const transport =
      this.#options.transport ??
      new SmtpTransport({ host: '127.0.0.1', port: this.relay.port, ...this.#options.smtp }, { clock: this.clock });
    return {
      name: 'default',
      host: 'relay.example',
      transport,
      connections: isConnected(transport) ? transport.limit : null,
      policy: this.#policy,
      doubt: this.#options.doubt ?? 'resend',
      rates: this.#options.rates ?? [],
      limits: NO_LIMITS,
      standIns: [],
    };
  }

  round(relay: Relay): Round {
    const limits = { ...NO_LIMITS, ...this.#options.limits };
    return new Round(limits, {
      clock: this.clock,
      log: this.log,
      pause: this.#options.batchPause ?? null,
      relay: relay.name,
    });
  }

  newWorker(relay: Relay = this.relayParts(), parts: DeliveryParts = this.parts): Worker {
    return this.#workerOf(relay, parts).worker;
  }

  /** A worker with so many connections for all processes together, and its share of them. */
  sharing(connections: number): { readonly worker: Worker; readonly share: RelayShare } {
    return this.#workerOf({ ...this.relayParts(), connections }, this.parts);
  }

  #workerOf(relay: Relay, parts: DeliveryParts): { readonly worker: Worker; readonly share: RelayShare } {
    const options = {
      holder: newId(this.clock.now()),
      lease: this.#options.lease ?? 60_000,
      grace: GRACE,
      poll: POLL,
      gather: this.#options.gather ?? 0,
    };
    const share = new RelayShare(relay, options.holder, parts);
    return { worker: new Worker(parts, relay, options, share, this.round(relay)), share };
  }

  async work(): Promise<Worker> {
    this.#worker = this.newWorker();
    await this.#worker.start();
    return this.#worker;
  }

  async stopWork(): Promise<void> {
    await this.#worker?.stop();
    this.#worker = undefined;
  }

  /** Everything that is due now, once. */
  async once(): Promise<void> {
    const worker = this.newWorker();
    await worker.once();
    await worker.stop();
  }

  /** Moves the clock to where the worker looks again after a pause of the relay. */
  async nextProbe(): Promise<void> {
    const [state] = await this.store.relays();
    this.clock.moveTo(Math.max(state?.probeAt ?? 0, this.clock.now()) + POLL);
  }

  /** The janitor of another process on the same database. */
  async another(): Promise<Janitor> {
    const store = await this.#reopen();
    this.#others.push(store);
    const queue = new Queue({ store, clock: this.clock, log: this.log, router: singleRelay, policy: this.#policy });
    return this.janitor({ ...this.parts, store, queue });
  }

  /** A process that is there now. */
  node(): Node {
    const now = this.clock.now();
    return {
      id: newId(now),
      host: 'test',
      place: 'test',
      pid: process.pid,
      role: 'test',
      startedAt: now,
      seenAt: now,
    };
  }

  janitor(parts: DeliveryParts = this.parts, options: Partial<JanitorOptions> = {}): Janitor {
    const node = this.node();
    const shares = new Shares(parts, { node, lease: 30_000 }, []);
    return new Janitor(parts, {
      node,
      shares,
      lease: 60_000,
      interval: 10_000,
      retention: [],
      retainAudit: null,
      isAlive: () => true,
      processStarted: BEGINNING,
      ...options,
    });
  }

  /** Submits a small message and answers with its id. */
  async submit(message: Submitted = {}): Promise<string> {
    const id = this.queue.newId();
    const subject = message.subject ?? 'test';
    const bytes = Buffer.from(
      message.content ?? `Subject: ${subject}\r\nMessage-ID: <${id}@example.org>\r\n\r\nbody\r\n`,
    );
    const recipients = (message.recipients ?? ['b@example.com']).map((each) =>
      typeof each === 'string' ? { address: each } : each,
    );
    await this.queue.submit({
      id,
      envelope: {
        sender: message.sender === undefined ? 'a@example.org' : message.sender,
        recipients,
        smtputf8: false,
      },
      content: { bytes },
      size: bytes.length,
      eightBit: false,
      messageId: `<${id}@example.org>`,
      subject,
      origin: 'smtp',
      ...(message.expiresAt !== undefined && { expiresAt: message.expiresAt }),
      ...(message.sendAt !== undefined && { sendAt: message.sendAt }),
      ...(message.retry !== undefined && { retry: message.retry }),
      ...(message.priority !== undefined && { priority: message.priority }),
    });
    return id;
  }

  async get(id: string): Promise<Found> {
    const found = await this.store.get(id);
    if (found === null) throw new Error(`no message ${id}`);
    return found;
  }

  /** The reports that were queued about a message. */
  async reports(id: string): Promise<readonly string[]> {
    const { rows } = await this.store.find({ sender: '<>' }, { limit: 100 });
    const texts: string[] = [];
    for (const row of rows) {
      if ((await this.get(row.id)).message.reportOn !== id) continue;
      const chunks = await Array.fromAsync(this.queue.content(row.id));
      texts.push(Buffer.concat(chunks).toString());
    }
    return texts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker?.stop();
    await this.relay.close();
    await Promise.all([this.store, ...this.#others].map((store) => store.close()));
    this.#clean();
  }
}
