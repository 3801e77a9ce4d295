/** `posthaste serve` and `posthaste work` on a database server: killed, sharing the work, and the server itself killed, under load. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Action, usual, when } from '../relay/actions.ts';
import { type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import { DatabaseServer, isInstalled, PRIVATE_MARIADB, PRIVATE_POSTGRES } from '../support/database-server.ts';
import { startLoad, submitOne } from '../support/load.ts';
import { BIN, type Ran, run, type Server, serve, temporaryFolder, work } from '../support/posthaste.ts';
import { isThere, MYSQL, POSTGRES, TestDatabase } from '../support/servers.ts';
import { freePort } from '../support/smtp-sink.ts';

const smtp = (relay: ScriptedRelay): string => `smtp://127.0.0.1:${relay.port}`;

/** How often the relay got each message. */
function copiesIn(relay: ScriptedRelay): Map<string, number> {
  const copies = new Map<string, number>();
  for (const { recipients } of relay.received)
    copies.set(recipients[0] ?? '', (copies.get(recipients[0] ?? '') ?? 0) + 1);
  return copies;
}

async function allArrive(relay: ScriptedRelay, names: ReadonlySet<string>): Promise<Map<string, number>> {
  await relay.until(() => {
    const copies = copiesIn(relay);
    return [...names].every((name) => copies.has(`${name}@example.com`));
  });
  return copiesIn(relay);
}

function command(dataDir: string, environment: Readonly<Record<string, string>>, ...args: string[]): Promise<Ran> {
  return run(process.execPath, [BIN, ...args, '--data-dir', dataDir], { cwd: dataDir, environment });
}

for (const server of [POSTGRES, MYSQL]) {
  describe.skipIf(!(await isThere(server)))(server.engine, () => {
    let database: TestDatabase;
    beforeAll(async () => {
      database = await TestDatabase.make(server);
    });
    afterAll(() => database.drop());

    test('posthaste serve, killed under load, delivers everything that it acknowledged', {
      timeout: 180_000,
    }, async () => {
      using data = temporaryFolder();
      const relay = await startRelay();
      const flags = ['--database', database.url, '--lease', '5s'];
      const options = { dataDir: data.path, relay: smtp(relay), port: await freePort(), flags };
      let posthaste = serve(options);
      await posthaste.ready();
      const load = startLoad(options.port, 8);
      const kills = 5;
      for (let kill = 0; kill < kills; kill++) {
        await load.more(1 + Math.floor(Math.random() * 150));
        await posthaste.kill();
        posthaste = serve(options);
        await posthaste.ready();
      }
      await load.stop();
      const copies = await allArrive(relay, load.acknowledged);
      await posthaste.stop();
      expect([...copies.values()].filter((count) => count > 1).length).toBeLessThanOrEqual(kills * 260);
      await relay.close();
    });

    test('a worker that is killed leaves its part to the other', {
      timeout: 180_000,
    }, async () => {
      using data = temporaryFolder();
      const killed = Promise.withResolvers<void>();
      // What comes later is answered when one of the workers is gone, so that it cannot have sent all before.
      const dot = (): Action => (relay.received.length > 200 ? when(killed.promise) : usual);
      const relay: ScriptedRelay = await startRelay({ script: { dot: () => dot() } });
      const environment = { POSTHASTE_DATABASE: database.url, POSTHASTE_RELAY: smtp(relay), POSTHASTE_LEASE: '5s' };
      const listener = serve({ dataDir: data.path, environment });
      const { port } = await listener.ready();
      expect(await command(data.path, environment, 'pause', '--all')).toMatchObject({ code: 0 });
      const load = startLoad(port, 8);
      await load.more(600);
      await load.stop();
      await listener.stop();
      const workers = [1, 2].map(() => work({ dataDir: data.path, environment }));
      await Promise.all(workers.map((worker) => worker.line(({ msg }) => msg === 'ready')));
      expect(await command(data.path, environment, 'resume', '--all')).toMatchObject({ code: 0 });
      await relay.until(() => relay.received.length >= 200);
      // Who starts first has all connections to the relay for some seconds, and may send all of these.
      const sentBy = (worker: Server): number => worker.lines.filter(({ msg }) => msg === 'sent').length;
      await Promise.race(workers.map((worker) => worker.line(({ msg }) => msg === 'sent')));
      await workers.toSorted((a, b) => sentBy(b) - sentBy(a))[0]?.kill();
      killed.resolve();
      const copies = await allArrive(relay, load.acknowledged);
      const sent = workers.map(sentBy);
      console.info(`${load.acknowledged.size} acknowledged, ${copies.size} arrived, sent by each: ${sent.join(', ')}`);
      expect(Math.min(...sent)).toBeGreaterThan(0);
      await Promise.all(workers.map((worker) => worker.stop()));
      await relay.close();
    });

    test('commands of the moment work on it, and none shows the password', async () => {
      using data = temporaryFolder();
      const url = new URL(database.url);
      url.searchParams.set('connections', '2');
      const on = (...args: string[]) => command(data.path, { POSTHASTE_DATABASE: url.href }, ...args);
      const to = ['--from', 'a@example.com', '--to', 'b@example.org', '--text', 'x', '--tag', 'here'];
      expect(await on('send', ...to)).toMatchObject({ code: 0 });
      expect((await on('list', '--tag', 'here')).stdout).toContain('b@example.org');
      url.password = 'sesame';
      url.port = '1';
      const failed = await on('list');
      expect(failed.code).not.toBe(0);
      expect(failed.stderr).toMatch(/cannot be used/);
      expect(failed.stdout + failed.stderr).not.toContain('sesame');
    });
  });
}

for (const program of [PRIVATE_POSTGRES, PRIVATE_MARIADB]) {
  const name = program === PRIVATE_POSTGRES ? 'PostgreSQL' : 'MariaDB';
  describe.skipIf(!isInstalled(program))(`${name} itself`, () => {
    let database: DatabaseServer;
    let relay: ScriptedRelay;
    let server: Server;

    beforeAll(async () => {
      database = await DatabaseServer.start(program);
      relay = await startRelay();
    });
    afterAll(async () => {
      await server?.stop();
      await relay.close();
      await database.remove();
    });

    test('killed and started again under load loses nothing that was acknowledged; meanwhile the answer is 451', {
      timeout: 240_000,
    }, async () => {
      using data = temporaryFolder();
      const options = { dataDir: data.path, relay: smtp(relay), flags: ['--database', database.url, '--lease', '10s'] };
      server = serve(options);
      const { port } = await server.ready();
      const load = startLoad(port, 8);
      for (let kill = 0; kill < 3; kill++) {
        await load.more(100);
        await database.kill();
        expect(await submitOne(port, ['later@example.com'], 'Subject: later\r\n\r\nx')).toMatch(/^451 4\.3\.0 /);
        await database.start();
      }
      await load.more(100);
      await load.stop();
      const copies = await allArrive(relay, load.acknowledged);
      const twice = [...copies].filter(([recipient, count]) => count > 1 && recipient !== 'later@example.com').length;
      console.info(`${name}: ${load.acknowledged.size} acknowledged, ${copies.size} arrived, ${twice} more than once`);
      expect(copies.has('later@example.com')).toBe(false);
      await server.stop();
    });
  });
}
