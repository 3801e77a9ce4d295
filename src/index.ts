/** What `import ... from "posthaste"` gives, and nothing more. */
export { type ErrorCode, PosthasteError } from './errors.ts';
