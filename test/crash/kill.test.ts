/** kill -9 under load, again and again: what was acknowledged arrives, and duplicates are counted and explained. */
import { expect, test } from 'vitest';
import { startRelay } from '../relay/scripted.ts';
import { startLoad } from '../support/load.ts';
import { serve, temporaryFolder } from '../support/posthaste.ts';
import { freePort } from '../support/smtp-sink.ts';

const KILLS = 12;

test(`killed ${KILLS} times under load, posthaste delivers everything that it acknowledged`, {
  timeout: 300_000,
}, async () => {
  using data = temporaryFolder();
  const relay = await startRelay();
  const options = { dataDir: data.path, relay: `smtp://127.0.0.1:${relay.port}`, port: await freePort() };
  let server = serve(options);
  await server.ready();
  const load = startLoad(options.port, 8);
  for (let kill = 0; kill < KILLS; kill++) {
    // A random number of messages, so that the kill meets every step of their way.
    await load.more(1 + Math.floor(Math.random() * 150));
    await server.kill();
    server = serve(options);
    await server.ready();
  }
  await load.stop();

  const copies = new Map<string, number>();
  const arrived = (): boolean => {
    copies.clear();
    for (const { recipients } of relay.received)
      copies.set(recipients[0] ?? '', (copies.get(recipients[0] ?? '') ?? 0) + 1);
    return [...load.acknowledged].every((name) => copies.has(`${name}@example.com`));
  };
  await relay.until(arrived);
  await server.stop();

  // The relay took these just before a kill, so that nobody was left to write it down: at most what was in hand at each kill.
  const twice = [...copies].filter(([, count]) => count > 1).length;
  console.info(
    `${load.acknowledged.size} acknowledged, ${copies.size} arrived, ${twice} of them more than once, after ${KILLS} kills`,
  );
  expect(copies.size).toBeGreaterThanOrEqual(load.acknowledged.size);
  expect(twice).toBeLessThanOrEqual(KILLS * 260);
  await relay.close();
});
