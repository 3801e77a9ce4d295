/** Two listeners and four workers on one database server: workers are killed, then the server itself, and what was acknowledged arrives. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SeenConnection } from '../../src/testing/relay/seen.ts';
import { type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import { DatabaseServer, isInstalled, PRIVATE_MARIADB, PRIVATE_POSTGRES } from '../support/database-server.ts';
import { type Load, startLoad } from '../support/load.ts';
import { type Server, serve, temporaryFolder, work } from '../support/posthaste.ts';

/** In each test: some minutes for 20,000, so that every run has fewer unless it is asked. */
const MESSAGES = Number(process.env.TEST_MESSAGES ?? 2_000);
const WORKERS = ['one', 'two', 'three', 'four'] as const;
const SESSIONS = 10;
/** To the relay, of all workers together: as many as by default. */
const CONNECTIONS = 20;
/** Two of each worker. */
const KILLS = 8;
/** Half of them may pass while workers and the server are killed. */
const BETWEEN_KILLS = MESSAGES / KILLS;
const LONG = Math.max(400_000, MESSAGES * 40);

/**
 * How far from its part a worker may be: a fifth of what 20,000 give it. Fewer messages pass in seconds, in which two busy processors need not serve
 * four workers alike: then it is enough that each of them has some.
 */
const UNEVEN = MESSAGES < 20_000 ? 1 : 1 / 5;
/** The same where each is killed twice. Of fewer messages one that is away for some seconds may see none. */
const UNEVEN_BY_KILLS = MESSAGES < 20_000 ? Number.POSITIVE_INFINITY : UNEVEN;

/** Every copy that the relay got of each message, by its name, which begins with `test`. */
function copiesOf(relay: ScriptedRelay, test: string): ReadonlyMap<string, number> {
  const copies = new Map<string, number>();
  for (const { recipients } of relay.received) {
    const name = recipients[0]?.split('@')[0] ?? '';
    if (name.startsWith(test)) copies.set(name, (copies.get(name) ?? 0) + 1);
  }
  return copies;
}

const sum = (counts: Iterable<number>): number => [...counts].reduce((all, count) => all + count, 0);

/** Messages that each worker handed over, by the name it says to the relay. */
function sharesOf(relay: ScriptedRelay): ReadonlyMap<string, number> {
  const names = relay.connections.map(nameOf);
  const shares = new Map<string, number>();
  for (const { connection } of relay.received) {
    const name = names[connection] ?? '';
    shares.set(name, (shares.get(name) ?? 0) + 1);
  }
  return shares;
}

/** What each has handed over since `before`, in words: no more than `uneven` of a part away from it. */
function expectEven(relay: ScriptedRelay, before: ReadonlyMap<string, number>, uneven: number): string {
  const shares = [...sharesOf(relay)].map(([who, count]) => [who, count - (before.get(who) ?? 0)] as const);
  const part = sum(shares.map(([, count]) => count)) / WORKERS.length;
  const said = shares.map((share) => share.join(' ')).join(', ');
  for (const [, count] of shares) expect(Math.abs(count - part), said).toBeLessThan(part * uneven);
  return said;
}

/** Every worker has connections, and none has more than its part of them. */
function isShared(relay: ScriptedRelay): boolean {
  const open = relay.connections.filter((connection) => connection.open).map(nameOf);
  const most = CONNECTIONS / WORKERS.length;
  return WORKERS.every((worker) => {
    const count = open.filter((name) => name === `${worker}.example`).length;
    return count > 0 && count <= most;
  });
}

/** The name that a worker says. */
function nameOf({ commands }: SeenConnection): string {
  return commands[0]?.split(' ')[1] ?? '';
}

for (const program of [PRIVATE_POSTGRES, PRIVATE_MARIADB]) {
  const name = program === PRIVATE_POSTGRES ? 'PostgreSQL' : 'MariaDB';

  describe.skipIf(!isInstalled(program))(`on one ${name}`, () => {
    let folder: ReturnType<typeof temporaryFolder>;
    let database: DatabaseServer;
    let relay: ScriptedRelay;
    let listeners: readonly Server[];
    let ports: readonly number[];
    const workers = new Map<string, Server>();

    beforeAll(async () => {
      folder = temporaryFolder();
      database = await DatabaseServer.start(program);
      relay = await startRelay();
      listeners = ['left', 'right'].map((name) => serve(optionsOf(name, ['--deliver', 'no'])));
      ports = await Promise.all(listeners.map(async (listener) => (await listener.ready()).port));
      for (const name of WORKERS) workers.set(name, startWorker(name));
      await Promise.all([...workers.values()].map((worker) => worker.line(({ msg }) => msg === 'ready')));
    }, LONG);

    afterAll(async () => {
      await Promise.all([...workers.values(), ...listeners].map((server) => server.kill()));
      await relay.close();
      await database.remove();
      folder[Symbol.dispose]();
    }, LONG);

    function optionsOf(name: string, flags: readonly string[]) {
      const dataDir = join(folder.path, name);
      mkdirSync(dataDir, { recursive: true });
      const common = ['--database', database.url, '--hostname', `${name}.example`, '--lease', '20s'];
      return { dataDir, relay: `smtp://127.0.0.1:${relay.port}`, flags: [...common, ...flags] };
    }

    function startWorker(name: string): Server {
      return work(optionsOf(name, []));
    }

    /** What a worker was troubled by: a disk that stood still for longer than a lease, for one. */
    function warnings(): string {
      const isWarning = (level: unknown): boolean => (level as number) >= 40;
      const said = ([name, { lines }]: [string, Server]) =>
        lines.filter(({ level }) => isWarning(level)).map((line) => `${name}: ${JSON.stringify(line)}`);
      return [...workers].flatMap(said).join('\n');
    }

    /** Each listener has sessions of its own, whose messages are told apart. */
    function load(test: string): readonly Load[] {
      return ports.map((port, i) => startLoad(port, SESSIONS, `${test}${i}-`));
    }

    async function arrive(loads: readonly Load[], test: string): Promise<ReadonlyMap<string, number>> {
      const acknowledged = loads.flatMap((each) => [...each.acknowledged]);
      let looked = 0;
      await relay.until(() => {
        // Counting all of them anew for each would take longer than to send them.
        if (relay.received.length < acknowledged.length || relay.received.length < looked) return false;
        looked = relay.received.length + 1;
        const copies = copiesOf(relay, test);
        return acknowledged.every((name) => copies.has(name));
      });
      return copiesOf(relay, test);
    }

    test(
      `${MESSAGES} messages are each sent once, and no worker has far more or less than its part`,
      async () => {
        const loads = load('even');
        // Who starts first has all connections to the relay until the others have asked for theirs.
        await relay.until(() => isShared(relay));
        const before = sharesOf(relay);
        await Promise.all(loads.map((each) => each.more(MESSAGES / loads.length)));
        await Promise.all(loads.map((each) => each.stop()));
        const copies = await arrive(loads, 'even');
        const acknowledged = sum(loads.map((each) => each.acknowledged.size));
        expect([copies.size, sum(copies.values())], warnings()).toEqual([acknowledged, acknowledged]);
        console.info(`${name}: ${acknowledged} messages, ${expectEven(relay, before, UNEVEN)}`);
      },
      LONG,
    );

    test(
      `${KILLS} kills of workers, and one of the server, lose nothing that was acknowledged, and leave each worker its part`,
      async () => {
        const before = sharesOf(relay);
        const loads = load('kill');
        for (let kill = 0; kill < KILLS; kill++) {
          // A random number, so that the kill meets every step of a message's way.
          await Promise.race(loads.map((each) => each.more(1 + Math.floor((Math.random() * BETWEEN_KILLS) / 2))));
          if (kill === KILLS / 2) {
            await database.kill();
            await database.start();
          }
          const victim = WORKERS[kill % WORKERS.length] as string;
          await workers.get(victim)?.kill();
          workers.set(victim, startWorker(victim));
        }
        // What is missing, and some in any case for those that were started last.
        await Promise.all(
          loads.map((each) => each.more(Math.max(100, MESSAGES / loads.length - each.acknowledged.size))),
        );
        await Promise.all(loads.map((each) => each.stop()));
        const copies = await arrive(loads, 'kill');
        const acknowledged = sum(loads.map((each) => each.acknowledged.size));
        const twice = [...copies.values()].filter((count) => count > 1).length;
        console.info(`${name}: ${acknowledged} acknowledged, ${copies.size} arrived, ${twice} of them more than once`);
        expect(acknowledged).toBeGreaterThanOrEqual(MESSAGES);
        expect(copies.size).toBeGreaterThanOrEqual(acknowledged);
        // What each of the killed had in hand, and what the server had not on disk of claims and outcomes when it died.
        expect(twice).toBeLessThanOrEqual((KILLS + WORKERS.length) * 260);
        console.info(`${name}: ${expectEven(relay, before, UNEVEN_BY_KILLS)}`);
      },
      LONG,
    );
  });
}
