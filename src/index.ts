/** What `import ... from "posthaste"` gives, and nothing more. */
import type { QueueSettings } from './app/library.ts';
import type { MailQueue } from './app/mail-queue.ts';

export type { QueueSettings } from './app/library.ts';
export type {
  ExplainedDelivery,
  FoundMessage,
  Mail,
  MailQueue,
  SubmitOptions,
  Time,
} from './app/mail-queue.ts';
export { defineConfig } from './config/define.ts';
export type {
  BeforeSend,
  DeliveryFailure,
  HookMessage,
  MessageToSend,
  OnDeliveryError,
  OnRelayChange,
  RelayChange,
} from './config/hooks.ts';
export type { PosthasteConfig } from './config/settings.ts';
export { type ErrorCode, PosthasteError } from './errors.ts';
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
