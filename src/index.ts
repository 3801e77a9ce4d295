/** What `import ... from "posthaste"` gives, and nothing more. */
export { PosthasteError, type ErrorCode } from './errors.ts';
