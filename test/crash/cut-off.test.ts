/** A host that the network cuts off for longer than its lease, and brings back: what it lost is no longer its own. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { when } from '../relay/actions.ts';
import { type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import { DatabaseServer, isInstalled, PRIVATE_MARIADB, PRIVATE_POSTGRES } from '../support/database-server.ts';
import { Gate } from '../support/gate.ts';
import { canMakeHosts, Host, type Link } from '../support/host.ts';
import { submitOne } from '../support/load.ts';
import { posthaste, type Server, serve, temporaryFolder, work } from '../support/posthaste.ts';

const LONG = 300_000;

/** A worker on a host of its own. */
interface Station {
  /** By which the relay knows it. */
  readonly name: string;
  readonly host: Host;
  readonly toDatabase: Link;
  readonly toRelay: Link;
}

const possible = canMakeHosts();

for (const program of [PRIVATE_POSTGRES, PRIVATE_MARIADB]) {
  const engine = program === PRIVATE_POSTGRES ? 'PostgreSQL' : 'MariaDB';

  describe.skipIf(!possible || !isInstalled(program))(`two hosts and one ${engine}`, () => {
    let folder: ReturnType<typeof temporaryFolder>;
    let database: DatabaseServer;
    let relay: ScriptedRelay;
    let listener: Server;
    let stations: Station[];
    let gates: Gate[];
    let workers: Map<Station, Server>;

    beforeEach(async () => {
      folder = temporaryFolder();
      stations = [];
      gates = [];
      workers = new Map();
      for (const name of ['one.example', 'two.example']) stations.push(newStation(name));
      database = await DatabaseServer.start(program, {
        addresses: stations.map(({ toDatabase }) => toDatabase.address),
      });
      relay = await startRelay();
      listener = serve({ dataDir: folderOf('listener'), flags: ['--database', database.url, '--deliver', 'no'] });
      await listener.ready();
      for (const station of stations) workers.set(station, await startWorker(station));
    }, LONG);

    afterEach(async () => {
      await Promise.all([...workers.values(), listener].map((server) => server.kill()));
      for (const gate of gates) await gate.close();
      await relay.close();
      for (const { host } of stations) host[Symbol.dispose]();
      await database.remove();
      folder[Symbol.dispose]();
    }, LONG);

    function newStation(name: string): Station {
      const host = new Host();
      return { name, host, toDatabase: host.link(), toRelay: host.link() };
    }

    function folderOf(name: string): string {
      const path = join(folder.path, name);
      mkdirSync(path);
      return path;
    }

    async function startWorker({ name, host, toDatabase, toRelay }: Station): Promise<Server> {
      const gate = await Gate.before(relay.port, 0, toRelay.address);
      gates.push(gate);
      const url = new URL(database.url);
      url.hostname = toDatabase.address;
      const worker = work({
        dataDir: folderOf(name),
        relay: `smtp://${toRelay.address}:${gate.port}`,
        flags: ['--database', url.href, '--hostname', name, '--lease', '2s'],
        within: host.within,
      });
      await worker.line(({ msg }) => msg === 'ready');
      return worker;
    }

    async function submit(subject: string): Promise<string> {
      const { port } = await listener.ready();
      const reply = await submitOne(port, ['b@example.com'], `Subject: ${subject}\r\n\r\nbody\r\n`);
      return /[0-9a-f-]{36}/.exec(reply)?.[0] ?? '';
    }

    /** The stations, first the one that has the message in hand. */
    function byHand(): readonly [Station, Station] {
      const { commands } = relay.connections[relay.received[0]?.connection ?? 0] ?? { commands: [] };
      const [mine, other] = stations.toSorted((a) => (commands[0] === `EHLO ${a.name}` ? -1 : 1));
      return [mine as Station, other as Station];
    }

    async function told(command: string, ...args: readonly string[]): Promise<readonly unknown[]> {
      const { stdout } = await posthaste(folderOf(command), command, '--database', database.url, '--json', ...args);
      return stdout
        .trim()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as unknown);
    }

    test.each([
      ['its database', ({ toDatabase }: Station) => [toDatabase]],
      ['everything', ({ toDatabase, toRelay }: Station) => [toDatabase, toRelay]],
    ])(
      'a host that lost %s in the middle of an attempt writes nothing of what another one has sent meanwhile',
      async (_, linksOf) => {
        const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
        relay.script = { dot: [when(answered, '550 5.7.1 not that one')] };
        const id = await submit('first');
        await relay.until(() => relay.passed('dot') === 1);
        const [cut, other] = byHand();
        for (const link of linksOf(cut)) link.cut();
        const free = workers.get(other) as Server;
        await free.line(({ msg }) => msg === 'reclaimed from workers that are gone');
        await told('retry', id);
        await free.line(({ msg }) => msg === 'sent');
        // What the first one hears now would bounce the message, and owes its sender a report.
        answer();
        const held = workers.get(cut) as Server;
        await held.line(({ msg }) => msg === 'leases could not be renewed');
        for (const link of linksOf(cut)) link.mend();
        await held.line(({ msg }) => msg.startsWith('lease lost before the outcome was written'));
        expect((await told('show', id))[0]).toMatchObject({
          deliveries: [{ state: 'sent', attempts: 2, lastReply: { code: 250 } }],
          attempts: [{ outcome: 'crashed' }, { outcome: 'sent' }],
        });
        expect(await told('list', '--state', 'all', '--reports')).toEqual([]);
        // One copy too many, which is what an attempt without a known end costs.
        expect(relay.received).toHaveLength(2);

        // It goes on as before.
        await free.stop();
        await submit('second');
        await held.line(({ msg }) => msg === 'sent');
        expect(relay.received).toHaveLength(3);
      },
      LONG,
    );
  });
}
