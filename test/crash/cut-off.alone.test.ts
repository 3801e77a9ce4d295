/** A host that the network cuts off for longer than its lease, and brings back: what it lost is no longer its own. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { when } from '../relay/actions.ts';
import { type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import {
  DatabaseServer,
  isInstalled,
  PRIVATE_MARIADB,
  PRIVATE_POSTGRES,
  type Program,
} from '../support/database-server.ts';
import { Gate } from '../support/gate.ts';
import { canMakeHosts, Host, type Link } from '../support/host.ts';
import { submitOne } from '../support/load.ts';
import { posthaste, type Server, serve, temporaryFolder, work } from '../support/posthaste.ts';

/** A worker on a host of its own. */
interface Station {
  /** By which the relay knows it. */
  readonly name: string;
  readonly host: Host;
  readonly toDatabase: Link;
  readonly toRelay: Link;
}

/** One database server, a listener that only takes mail, a relay, and two hosts with a worker each. */
class Cluster implements AsyncDisposable {
  readonly #undo = new AsyncDisposableStack();
  readonly #folder = this.#undo.use(temporaryFolder());
  readonly #workers = new Map<Station, Server>();
  readonly #database: DatabaseServer;
  readonly #listener: Server;
  readonly relay: ScriptedRelay;

  static async start(program: Program): Promise<Cluster> {
    const stations = ['one.example', 'two.example'].map(newStation);
    const addresses = stations.map(({ toDatabase }) => toDatabase.address);
    const cluster = new Cluster(await DatabaseServer.start(program, { addresses }), await startRelay(), stations);
    await cluster.#listener.ready();
    for (const station of stations) await cluster.#startWorker(station);
    return cluster;
  }

  private constructor(database: DatabaseServer, relay: ScriptedRelay, stations: readonly Station[]) {
    this.#database = database;
    this.#undo.defer(() => database.remove());
    for (const { host } of stations) this.#undo.use(host);
    this.relay = relay;
    this.#undo.defer(() => relay.close());
    const flags = ['--database', database.url, '--deliver', 'no'];
    this.#listener = serve({ dataDir: this.#folderOf('listener'), flags });
    this.#undo.defer(() => this.#listener.kill());
  }

  #folderOf(name: string): string {
    const path = join(this.#folder.path, name);
    mkdirSync(path);
    return path;
  }

  async #startWorker(station: Station): Promise<void> {
    const { name, host, toDatabase, toRelay } = station;
    const gate = await Gate.before(this.relay.port, 0, toRelay.address);
    this.#undo.defer(() => gate.close());
    const url = new URL(this.#database.url);
    url.hostname = toDatabase.address;
    const worker = work({
      dataDir: this.#folderOf(name),
      relay: `smtp://${toRelay.address}:${gate.port}`,
      flags: ['--database', url.href, '--hostname', name, '--lease', '2s'],
      within: host.within,
    });
    this.#undo.defer(() => worker.kill());
    this.#workers.set(station, worker);
    await worker.line(({ msg }) => msg === 'ready');
  }

  async submit(subject: string): Promise<string> {
    const { port } = await this.#listener.ready();
    const reply = await submitOne(port, ['b@example.com'], `Subject: ${subject}\r\n\r\nbody\r\n`);
    return /[0-9a-f-]{36}/.exec(reply)?.[0] ?? '';
  }

  /** The hosts and their workers, first the one that has the message in hand. */
  byHand(): readonly [station: Station, its: Server, other: Server] {
    const { commands } = this.relay.connections[this.relay.received[0]?.connection ?? 0] ?? { commands: [] };
    const [mine, other] = [...this.#workers].toSorted(([a]) => (commands[0] === `EHLO ${a.name}` ? -1 : 1));
    return [...(mine as [Station, Server]), (other as [Station, Server])[1]];
  }

  async told(command: string, ...args: readonly string[]): Promise<readonly unknown[]> {
    const { stdout } = await posthaste(
      this.#folderOf(command),
      command,
      '--database',
      this.#database.url,
      '--json',
      ...args,
    );
    return stdout
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as unknown);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#undo.disposeAsync();
  }
}

function newStation(name: string): Station {
  const host = new Host();
  return { name, host, toDatabase: host.link(), toRelay: host.link() };
}

const possible = canMakeHosts();

for (const program of [PRIVATE_POSTGRES, PRIVATE_MARIADB]) {
  const engine = program === PRIVATE_POSTGRES ? 'PostgreSQL' : 'MariaDB';

  // They wait for connections that are given up, most of the time: all of them at once.
  describe.skipIf(!possible || !isInstalled(program)).concurrent(`two hosts and one ${engine}`, () => {
    test.each([
      ['its database', ({ toDatabase }: Station) => [toDatabase]],
      ['everything', ({ toDatabase, toRelay }: Station) => [toDatabase, toRelay]],
    ])(
      'a host that lost %s in the middle of an attempt writes nothing of what another one has sent meanwhile',
      async (_, linksOf) => {
        await using cluster = await Cluster.start(program);
        const { relay } = cluster;
        const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
        relay.script = { dot: [when(answered, '550 5.7.1 not that one')] };
        const id = await cluster.submit('first');
        await relay.until(() => relay.passed('dot') === 1);
        const [cut, held, free] = cluster.byHand();
        for (const link of linksOf(cut)) link.cut();
        await free.line(({ msg }) => msg === 'reclaimed from workers that are gone');
        await cluster.told('retry', id);
        await free.line(({ msg }) => msg === 'sent');
        // What the first one hears now would bounce the message, and owes its sender a report.
        answer();
        await held.line(({ msg }) => msg === 'leases could not be renewed');
        for (const link of linksOf(cut)) link.mend();
        await held.line(({ msg }) => msg.startsWith('lease lost before the outcome was written'));
        expect((await cluster.told('show', id))[0]).toMatchObject({
          deliveries: [{ state: 'sent', attempts: 2, lastReply: { code: 250 } }],
          attempts: [{ outcome: 'crashed' }, { outcome: 'sent' }],
        });
        expect(await cluster.told('list', '--state', 'all', '--reports')).toEqual([]);
        // One copy too many, which is what an attempt without a known end costs.
        expect(relay.received).toHaveLength(2);

        // It goes on as before.
        await free.stop();
        await cluster.submit('second');
        await held.line(({ msg }) => msg === 'sent');
        expect(relay.received).toHaveLength(3);
      },
    );
  });
}
