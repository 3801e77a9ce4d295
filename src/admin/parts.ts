/** What the pages and the API are given. */
import type { AuditStore } from '../queue/audit.ts';
import type { Delivery } from '../queue/delivery.ts';
import type { NextTry } from '../queue/next-try.ts';
import type { Operator } from '../queue/operator.ts';
import type { Overview } from '../queue/overview.ts';
import type { Queue } from '../queue/queue.ts';
import type { Rate } from '../queue/rate.ts';
import type { WebhookStore } from '../queue/webhook.ts';
import type { Clock, Instant } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Peer, Principal } from './access.ts';
import type { Mail, MailOptions } from './mail-schema.ts';
import type { Metrics } from './metrics.ts';

/** What waits for what, seen at one moment. */
export interface Prospect {
  why(delivery: Delivery): string;
  /** null for what is not queued. */
  next(delivery: Delivery): NextTry | null;
}

/** What the settings say of a relay, without secrets. */
export interface RelaySetting {
  readonly name: string;
  /** Masked; null: it goes by no URL. */
  readonly url: string | null;
  /** null: it needs none. */
  readonly connections: number | null;
  readonly rates: readonly Rate[];
  readonly fallback: readonly string[];
}

/** An effective setting, without secrets. */
export interface Setting {
  readonly name: string;
  /** Of the page about all settings. */
  readonly group: string;
  /** One sentence, with code in backticks. */
  readonly sentence: string;
  readonly secret: boolean;
  readonly from: string;
  readonly value: unknown;
  readonly parts: readonly { readonly name: string; readonly shown: string }[];
}

/** A webhook of this process's settings. */
export interface WebhookSetting {
  readonly name: string;
  /** Without what may be secret in it. */
  readonly url: string;
}

/** What came of a post that nobody waits for. */
export interface WebhookTest {
  /** null: it did not answer. */
  readonly status: number | null;
  /** null: it was taken. */
  readonly error: string | null;
  readonly durationMs: number;
}

/** What became of a submitted message. */
export interface Kept {
  readonly id: string;
  readonly duplicate: boolean;
  readonly messageId: string;
  readonly accepted: readonly string[];
  /** Suppressed: they get nothing. */
  readonly rejected: readonly string[];
}

/** One thing that happened. */
export interface StreamEvent {
  readonly type: string;
  /** From where to go on; null: not from here. */
  readonly id: string | null;
  readonly data: unknown;
}

export interface StreamFeed {
  readonly events: AsyncGenerator<StreamEvent, void>;
  /** Up to when all that happened was told; as an id, from where to go on. */
  position(): Instant;
}

export interface AdminParts {
  /** Of this process; absent inside an application, which has its own. */
  readonly metrics?: Metrics | undefined;
  readonly queue: Queue;
  /** The queue in the hands of who asks: for all that changes something. */
  operator(who: Principal, from: Peer): Operator;
  readonly audit: AuditStore['audit'];
  readonly overview: Overview;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  /** The folder of the built pages. */
  readonly pages: string;
  readonly maxMessageSize: number;
  /** Of the settings, in their order. */
  readonly relays: readonly RelaySetting[];
  /** All that this process acts by. */
  settings(): readonly Setting[];
  /** Of the settings. */
  readonly webhooks: readonly WebhookSetting[];
  readonly webhookStore: WebhookStore;
  /** Posts a test to a webhook of the settings. */
  testWebhook(name: string): Promise<WebhookTest>;
  /** The names of all relays that mail may be given to. */
  relayNames(): Promise<readonly string[]>;
  prospect(): Promise<Prospect>;
  /** What happens after that time, or from now on; ends with the signal. */
  events(after: Instant | null, signal: AbortSignal): StreamFeed;
  /** Throws as the library's `submit`. */
  submit(mail: Mail, options: MailOptions): Promise<Kept>;
}
