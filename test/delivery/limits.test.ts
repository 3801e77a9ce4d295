/** The limits of a relay hold for all processes together, and follow what the relay bears. */
import { expect, test } from 'vitest';
import { ManualClock } from '../../src/runtime/clock.ts';
import { usual, when } from '../relay/actions.ts';
import { type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import { Peer, SHARE_LEASE } from '../support/peer.ts';
import { temporaryFolder } from '../support/posthaste.ts';

const LIMIT = 4;
const SECOND = 1_000;
const STEP = 30 * SECOND;
const TOO_MUCH = '421 4.7.0 too many connections';

/** One database, one relay, and the processes between them. */
class Site implements AsyncDisposable {
  readonly clock = new ManualClock(Date.UTC(2026, 0, 1));
  readonly relay: ScriptedRelay;
  readonly #folder = temporaryFolder();
  readonly #peers: Peer[] = [];
  #gate: PromiseWithResolvers<void> | undefined;
  /** The most connections that stood at once. */
  most = 0;
  /** What the relay says to MAIL, while there is something. */
  says: string | undefined;

  private constructor(relay: ScriptedRelay) {
    this.relay = relay;
    relay.script = {
      connect: () => {
        this.most = Math.max(this.most, relay.openConnections);
        return usual;
      },
      mail: () => this.says ?? usual,
      dot: () => (this.#gate === undefined ? usual : when(this.#gate.promise)),
    };
  }

  static async open(): Promise<Site> {
    return new Site(await startRelay());
  }

  async start(name: string, { limit = LIMIT, clock = this.clock } = {}): Promise<Peer> {
    const peer = await Peer.start({
      ...{ name, limit, clock },
      path: `${this.#folder.path}/posthaste.db`,
      relayPort: this.relay.port,
    });
    this.#peers.push(peer);
    return peer;
  }

  /** From now on the relay answers no content, so that connections stay in use. */
  hold(): void {
    this.#gate = Promise.withResolvers();
  }

  letGo(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  openOf(name: string): number {
    return this.relay.connections.filter(({ open, commands }) => open && commands.includes(`EHLO ${name}`)).length;
  }

  /** Heartbeats until every process has its part. */
  async settle(...peers: readonly Peer[]): Promise<void> {
    do for (const peer of peers) await peer.shares.beat();
    while (!peers.every((peer) => peer.share.isSettled));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.letGo();
    await Promise.all(this.#peers.map((peer) => peer.stop()));
    await this.relay.close();
    this.#folder[Symbol.dispose]();
  }
}

test('a process alone has all connections at once, and writes no more than its heartbeat', async () => {
  await using site = await Site.open();
  const one = await site.start('one.example');
  expect(one.transport.limit).toBe(LIMIT);
  expect(one.share.isSettled).toBe(true);
  const mark = await one.store.changeMark();
  site.clock.moveTo(site.clock.now() + 9 * SECOND);
  expect(await one.store.changeMark()).toBe(mark);
});

test('two processes never have more connections than the limit, also while one joins under load, and then half each', async () => {
  await using site = await Site.open();
  const one = await site.start('one.example');
  site.hold();
  await one.submit(60);
  await site.relay.until(() => site.openOf('one.example') === LIMIT);

  const two = await site.start('two.example');
  expect(two.share.places).toBe(0);
  await one.shares.beat();
  await two.shares.beat();
  // What the first one holds is under way, and not yet to be given away.
  expect(one.transport.limit).toBe(2);
  expect(two.share.places).toBe(0);
  expect(site.relay.openConnections).toBe(LIMIT);

  site.letGo();
  await site.settle(one, two);
  expect([one.transport.limit, two.transport.limit]).toEqual([2, 2]);
  await site.relay.until(() => site.relay.received.length === 60);
  site.hold();
  // More than one process claims at once.
  await Promise.all([one.submit(250), two.submit(250)]);
  await site.relay.until(() => site.openOf('one.example') === 2 && site.openOf('two.example') === 2);
  site.letGo();
  await site.relay.until(() => site.relay.received.length === 560);
  expect(new Set(site.relay.received.map(({ content }) => content.toString())).size).toBe(560);
  expect(site.relay.received).toHaveLength(560);
  expect(site.most).toBe(LIMIT);
});

test('one that joins has its part within a second, long before the next heartbeat of the others', async () => {
  await using site = await Site.open();
  const one = await site.start('one.example');
  await one.submit(1);
  await one.log.until('sent', 1);
  const [two, begun] = [await site.start('two.example'), site.clock.now()];
  expect(two.share.places).toBe(0);
  while (two.transport.limit !== 2 || one.transport.limit !== 2) {
    const sent = Promise.race([one, two].map(({ log }) => log.until('sent', log.count('sent') + 1)));
    await one.submit(1);
    await sent;
    site.clock.moveTo(site.clock.now() + 50);
    expect(site.clock.now() - begun).toBeLessThan(SECOND);
  }
});

test('what a process had goes to the others when it leaves', async () => {
  await using site = await Site.open();
  const [one, two] = [await site.start('one.example'), await site.start('two.example')];
  await site.settle(one, two);
  await one.stop();
  // By itself, with the next mail: long before its next heartbeat.
  while (two.transport.limit !== LIMIT) {
    const sent = two.log.until('sent', two.log.count('sent') + 1);
    await two.submit(1);
    await sent;
    site.clock.moveTo(site.clock.now() + 1);
    expect(two.log.count('sent')).toBeLessThan(100);
  }
});

test('what a process had that crashed goes to the others when its lease has run out, and not before', async () => {
  await using site = await Site.open();
  const frozen = new ManualClock(site.clock.now());
  const crashed = await site.start('crashed.example', { clock: frozen });
  const other = await site.start('other.example');
  await site.settle(crashed, other);
  expect(other.transport.limit).toBe(2);
  site.clock.moveTo(site.clock.now() + SHARE_LEASE - 1);
  await other.shares.beat();
  expect(other.transport.limit).toBe(2);
  site.clock.moveTo(site.clock.now() + 1);
  await other.shares.beat();
  expect(other.transport.limit).toBe(LIMIT);
  site.hold();
  await other.submit(40);
  await site.relay.until(() => site.openOf('other.example') === LIMIT);
  // Whoever was only thought to be dead learns it before it uses anything.
  frozen.moveTo(frozen.now() + SHARE_LEASE);
  expect(crashed.share.places).toBe(0);
});

test('with more processes than connections the youngest wait, and take over from one that leaves', async () => {
  await using site = await Site.open();
  const one = await site.start('one.example', { limit: 1 });
  const two = await site.start('two.example', { limit: 1 });
  await site.settle(one, two);
  await one.submit(20);
  await one.log.until('sent', 20);
  expect(two.log.count('sent')).toBe(0);
  await one.stop();
  await two.shares.beat();
  await two.submit(20);
  await two.log.until('sent', 20);
  expect(site.most).toBe(1);
});

/** A process with all connections in use, whose relay then says that it is too much. */
async function slowedDown(site: Site, peer: Peer, says: string): Promise<void> {
  await peer.submit(1);
  await peer.log.until('sent', 1);
  site.hold();
  await peer.submit(40);
  await site.relay.until(() => site.openOf('one.example') === LIMIT);
  site.says = says;
  site.letGo();
  await peer.log.until('relay is slowed down');
  site.says = undefined;
}

test('421 halves the connections for all processes and costs no attempt, mail that succeeds brings them back', async () => {
  await using site = await Site.open();
  const one = await site.start('one.example');
  await slowedDown(site, one, TOO_MUCH);
  expect((await one.store.relays())[0]).toMatchObject({
    pace: { connections: 2, restUntil: null, reply: { code: 421, status: '4.7.0', text: 'too many connections' } },
  });
  const two = await site.start('two.example');
  await site.settle(one, two);
  expect([one.transport.limit, two.transport.limit]).toEqual([1, 1]);
  await two.stop();

  site.clock.moveTo(site.clock.now() + 2 * SECOND);
  await one.log.until('sent', 41);
  const { rows } = await one.store.find({ states: ['sent'] }, { limit: 100 });
  expect(rows.map(({ attempts }) => attempts)).toEqual(Array(41).fill(1));

  for (const connections of [3, LIMIT]) {
    site.clock.moveTo(site.clock.now() + 1);
    await one.submit(1);
    await one.log.until('sent', 40 + connections - 1);
    site.clock.moveTo(site.clock.now() + STEP);
    await one.shares.beat();
    expect(one.transport.limit).toBe(connections);
  }
  expect(one.log.count('relay is sped up')).toBe(1);
  await one.log.until('relay is at its full pace again');
  expect((await one.store.relays())[0]?.pace).toBe(null);
});

test('421 to the only message that is on its way counts', async () => {
  await using site = await Site.open();
  const one = await site.start('one.example');
  await one.submit(1);
  await one.log.until('sent');
  site.says = TOO_MUCH;
  await one.submit(1);
  await one.log.until('relay is slowed down');
  expect((await one.store.relays())[0]?.pace?.connections).toBe(1);
});

test('without success nothing becomes faster', async () => {
  await using site = await Site.open();
  const one = await site.start('one.example');
  await slowedDown(site, one, TOO_MUCH);
  await one.store.pauseRelay('default', { at: site.clock.now(), by: 'Ada' });
  site.clock.moveTo(site.clock.now() + 10 * STEP);
  await one.shares.beat();
  expect(one.transport.limit).toBe(2);
});

test('the pace survives a restart', async () => {
  await using site = await Site.open();
  const one = await site.start('one.example');
  await slowedDown(site, one, TOO_MUCH);
  await one.stop();
  const again = await site.start('again.example');
  expect(again.transport.limit).toBe(2);
  expect(again.log.count('relay is slowed down')).toBe(1);
});

test('a rate reply gives the relay a rest, so that of many messages few lose an attempt', async () => {
  await using site = await Site.open();
  const one = await site.start('one.example', { limit: 1 });
  await one.submit(1);
  await one.log.until('sent', 1);
  site.hold();
  await one.submit(100);
  await site.relay.until(() => site.relay.received.length > 1);
  site.says = '451 4.7.1 rate limit exceeded';
  site.letGo();
  await one.log.until('relay is slowed down');
  site.says = undefined;
  const [state] = await one.store.relays();
  expect(state).toMatchObject({ faults: 0, pace: { connections: 1, rests: 1 } });
  expect(one.log.count('sent')).toBeLessThan(10);

  site.clock.moveTo((state?.pace?.restUntil as number) + 250);
  const tried = () => one.log.count('sent') + one.log.count('deferred');
  for (let before = tried(); before < 101; before = tried()) {
    const more = (event: string) => one.log.until(event, one.log.count(event) + 1);
    await Promise.race([more('sent'), more('deferred')]);
  }
  expect(one.log.count('deferred')).toBeGreaterThan(0);
  expect(one.log.count('deferred')).toBeLessThan(10);
});
