/** kill -9 under load with webhooks: every event of every message that was acknowledged comes, in the order of its message. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startRelay } from '../relay/scripted.ts';
import { startLoad } from '../support/load.ts';
import { serve, temporaryFolder } from '../support/posthaste.ts';
import { isSigned, Receiver, SECRET } from '../support/receiver.ts';
import { isThere, MYSQL, POSTGRES, TestDatabase } from '../support/servers.ts';
import { freePort } from '../support/smtp-sink.ts';

const KILLS = 6;

async function killUnderLoad(database: string | undefined): Promise<void> {
  using data = temporaryFolder();
  await using receiver = await Receiver.open();
  // Now and then it fails, so that events wait while others of their message come.
  let count = 0;
  receiver.answering = () => (++count % 50 === 0 ? 500 : 200);
  const relay = await startRelay();
  const settings = { webhooks: { shop: { url: receiver.url, secret: SECRET } } };
  writeFileSync(join(data.path, 'posthaste.config.json'), JSON.stringify(settings));
  const flags = database === undefined ? [] : ['--database', database];
  const port = await freePort();
  const options = { dataDir: data.path, relay: `smtp://127.0.0.1:${relay.port}`, port, flags };
  let server = serve(options);
  await server.ready();
  const load = startLoad(port, 4);
  for (let kill = 0; kill < KILLS; kill++) {
    await load.more(1 + Math.floor(Math.random() * 60));
    await server.kill();
    server = serve(options);
    await server.ready();
  }
  await load.stop();

  const told = (): ReadonlyMap<string, readonly string[]> => {
    const all = Map.groupBy(receiver.taken, ({ data: { recipient } }) => String(recipient).split('@')[0] as string);
    return new Map([...all].map(([name, some]) => [name, some.map(({ type }) => type)]));
  };
  await receiver.until(() => {
    const events = told();
    return [...load.acknowledged].every((name) => events.get(name)?.at(-1) === 'sent');
  });
  await server.stop();
  expect(load.acknowledged.size).toBeGreaterThanOrEqual(KILLS);
  for (const [name, types] of told()) {
    // A post whose end was not written comes again, before what follows it.
    if (load.acknowledged.has(name))
      expect(types.join(' '), name).toMatch(/^(submitted )+((deferred|inDoubt) )*sent( sent)*$/);
  }
  // What comes again is the same event.
  const bodies = Map.groupBy(receiver.received, ({ id }) => id);
  for (const some of bodies.values()) expect(new Set(some.map(({ text }) => text)).size).toBe(1);
  expect(receiver.received.every((event) => isSigned(event, SECRET))).toBe(true);
  await relay.close();
}

test('with SQLite', { timeout: 300_000 }, () => killUnderLoad(undefined));

describe.each([
  ['PostgreSQL', POSTGRES],
  ['MariaDB or MySQL', MYSQL],
])('with %s', async (_, server) => {
  test.skipIf(!(await isThere(server)))('the same holds', { timeout: 300_000 }, async () => {
    const database = await TestDatabase.make(server);
    try {
      await killUnderLoad(database.url);
    } finally {
      await database.drop();
    }
  });
});
