/** What `import ... from "posthaste"` gives, and nothing more. */
import type { QueueSettings } from './app/library.ts';
import type { MailQueue } from './app/mail-queue.ts';

export type {
  DeliveryEvent,
  DeliveryEventType,
  QueueEvent,
  QueueEvents,
  RelayEvent,
  RelayEventChange,
} from './app/events.ts';
export type { ExplainedDelivery, FoundMessage } from './app/found.ts';
export type { QueueSettings } from './app/library.ts';
export type { HtmlMail, Mail, MailToPeople } from './app/mail.ts';
export type { MailQueue } from './app/mail-queue.ts';
export type { AdminHandler, AdminMountOptions, AdminUser } from './app/mount.ts';
export type { PreparedMail } from './app/prepared-mail.ts';
export type { FindOptions, MessageFilter, Which } from './app/selection.ts';
export type { Submission, SubmitAllOptions, SubmitResult } from './app/submit-all.ts';
export type { SubmitOptions, Time } from './app/submit-options.ts';
export type { NewSuppression } from './app/suppressing.ts';
export type { TransactionAdapter, TransactionHandle } from './app/transactions.ts';
export type { WaitOptions } from './app/wait.ts';
export type { EventsOptions, Watched } from './app/watchers.ts';
export type { WorkOptions } from './app/work-options.ts';
export { defineConfig } from './config/define.ts';
export type { PosthasteConfig } from './config/settings.ts';
export type { Tally } from './delivery/round.ts';
export { type ErrorCode, PosthasteError } from './errors.ts';
export type { Address } from './mail/address.ts';
export type { Notify } from './mail/envelope.ts';
export type {
  BeforeSend,
  DeliveryFailure,
  HookMessage,
  MessageToSend,
  OnDeliveryError,
  OnRelayChange,
  RelayChange,
} from './mail/hooks.ts';
export type { Scope } from './mail/outcome.ts';
export type { Reply } from './mail/reply.ts';
export type { Attempt, Delivery, State } from './queue/delivery.ts';
export type { Message, Origin, Priority } from './queue/message.ts';
export type { Pace } from './queue/pace.ts';
export type { Reason } from './queue/reason.ts';
export type { RelayState } from './queue/relay-store.ts';
export type { RetryOverride } from './queue/schedule.ts';
export type { Listed, Page, Suppression } from './queue/store.ts';
export type { Instant } from './runtime/clock.ts';
export type { Id } from './runtime/id.ts';
export type { Log, LogFields } from './runtime/log.ts';
export type { TraceContext } from './runtime/tracing.ts';
export type { QueuedInfo } from './submission/nodemailer.ts';

/**
 * Opens the queue: the database is made where it is missing. Settings given here beat environment variables (`POSTHASTE_DATABASE`
 * ...), which beat the configuration file, so that an application and `posthaste serve` beside it share one queue without a word.
 * Nothing is delivered by this process until `work()` is called. Throws CONFIG_INVALID, STORE_UNAVAILABLE, STORE_NEWER.
 */
export async function openQueue(settings: QueueSettings = {}): Promise<MailQueue> {
  // Loaded on demand: a configuration file that takes `defineConfig` from here must not load all of this into every command.
  const library = await import('./app/library.ts');
  return library.openQueue(settings);
}
