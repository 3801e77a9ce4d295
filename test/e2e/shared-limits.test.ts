/** Real processes share the connections of a relay, and what one had that was killed goes to the other. */
import { expect, test } from 'vitest';
import { usual, when } from '../relay/actions.ts';
import { startRelay } from '../relay/scripted.ts';
import { posthaste, serve, temporaryFolder } from '../support/posthaste.ts';

const LIMIT = 2;

test('two processes, one killed: never more connections than the limit, and in the end all of them for the one that lives', {
  timeout: 120_000,
}, async () => {
  using data = temporaryFolder();
  const relay = await startRelay();
  let most = 0;
  let gate: PromiseWithResolvers<void> | undefined;
  relay.script = {
    connect: () => {
      most = Math.max(most, relay.openConnections);
      return usual;
    },
    dot: () => (gate === undefined ? usual : when(gate.promise)),
  };
  const options = { dataDir: data.path, relay: `smtp://127.0.0.1:${relay.port}?connections=${LIMIT}` };
  const first = serve(options);
  await first.ready();
  const second = serve(options);
  await second.ready();
  const send = async (): Promise<void> => {
    const mail = ['--from', 'a@example.org', '--to', 'b@example.com', '--text', 'hello'];
    const { code, stderr } = await posthaste(data.path, 'send', ...mail);
    expect(stderr).toBe('');
    expect(code).toBe(0);
  };
  await send();
  await relay.until(() => relay.received.length === 1);
  await first.kill();

  gate = Promise.withResolvers();
  await Promise.all([send(), send(), send(), send(), send(), send()]);
  await relay.until(() => relay.openConnections === LIMIT);
  gate.resolve();
  await relay.until(() => relay.received.length === 7);
  expect(await second.stop()).toBe(0);
  expect(most).toBe(LIMIT);
  await relay.close();
});
