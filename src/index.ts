/** What `import ... from "posthaste"` gives, and nothing more. */
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
