/** What `import ... from "posthaste/testing"` gives: a queue and a relay for the tests of applications, with any test runner. */
export type { Expected, ExpectedMail } from './expectation.ts';
export {
  type Action,
  drop,
  dropAfterUsual,
  halfClose,
  inTurn,
  type Point,
  raw,
  reset,
  type Script,
  silence,
  slow,
  trickle,
  usual,
  when,
} from './relay/actions.ts';
export type { RelayLogin } from './relay/logins.ts';
export { ScriptedRelay, startRelay } from './relay/scripted.ts';
export type { Received, RelayTls, ScriptedOptions, SeenConnection } from './relay/seen.ts';
export type { SentAttachment, SentMail } from './sent-mail.ts';
export { openTestQueue, TestQueue, type WaitForMailOptions } from './test-queue.ts';
