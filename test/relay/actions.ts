/** What a scripted relay can do instead of what it should. */
export * from '../../src/testing/relay/actions.ts';
