/** The relay of `posthaste/testing`, which the tests here use like any application's. */
export { ScriptedRelay, startRelay } from '../../src/testing/relay/scripted.ts';
export type { ScriptedOptions } from '../../src/testing/relay/seen.ts';
