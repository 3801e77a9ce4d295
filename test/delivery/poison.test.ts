/** One message that makes the relay end the connection: it waits and counts, others go on, and a relay that ends all costs nothing. */
import { describe, expect, test } from 'vitest';
import { type Action, drop, inTurn, type Script, usual } from '../relay/actions.ts';
import { Stage } from '../support/delivery.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const BYE = '421 4.3.2 bye';
/** Said by the server about its own network, and no word of ours. */
const OWN_NETWORK = '421 4.4.2 bad connection';

/** The sender in MAIL, the recipient in RCPT; a report to the sender is no poison. */
const poisonous = (action: Action) => (command: string) =>
  /^(?:MAIL FROM:<poison@|RCPT TO:<poison@example\.com>)/.test(command) ? action : usual;

/** What the server does to the poisonous message alone; its sender, or its only recipient, is called so. */
const POISONS: readonly [string, Script][] = [
  ['421 to its MAIL', { mail: poisonous(BYE) }],
  ['421 4.4.2 to its MAIL', { mail: poisonous(OWN_NETWORK) }],
  ['421 to its RCPT', { rcpt: poisonous(BYE) }],
  ['421 4.4.1 to its RCPT', { rcpt: poisonous('421 4.4.1 no answer from there') }],
  ['421 and the end of the connection at its RCPT', { rcpt: poisonous(inTurn(BYE, drop)) }],
  ['the end of the connection at its MAIL', { mail: poisonous(drop) }],
  ['530 to its MAIL', { mail: poisonous('530 5.7.0 who are you') }],
];

/** A relay that ends the dialogue after the content of the poisonous sender. */
function afterContent(): Script {
  let last = '';
  return {
    mail: (command) => {
      last = command;
      return usual;
    },
    dot: () => (last.includes('poison') ? BYE : usual),
  };
}

const submitPoison = (stage: Stage, more = {}): Promise<string> =>
  stage.submit({ sender: 'poison@example.org', recipients: ['poison@example.com'], ...more });

async function turnTo(stage: Stage, at: number): Promise<void> {
  stage.clock.moveTo(at);
  await stage.once();
}

const deliveryOf = async (stage: Stage, id: string) => (await stage.get(id)).deliveries[0];
const faultsOf = async (stage: Stage) => (await stage.store.relays())[0]?.faults ?? 0;

describe.each([...POISONS, ['421 after its content', afterContent()] as const])('%s', (_, script) => {
  test('pauses the relay once; when other mail has gone through it counts for the message, which waits for its own next attempt', async () => {
    await using stage = await Stage.open({ relay: { script }, smtp: { maxConnections: 1 } });
    const poison = await submitPoison(stage);
    await stage.once();
    expect(await deliveryOf(stage, poison)).toMatchObject({ state: 'queued', attempts: 0 });
    expect(await faultsOf(stage)).toBe(1);

    const other = await stage.submit();
    await stage.nextProbe();
    await stage.once();
    expect(await deliveryOf(stage, other)).toMatchObject({ state: 'sent' });
    expect(await deliveryOf(stage, poison)).toMatchObject({ state: 'queued', attempts: 1 });
    expect((await deliveryOf(stage, poison))?.dueAt).toBeGreaterThanOrEqual(stage.clock.now() + MINUTE);
    expect(await faultsOf(stage)).toBe(0);
  });

  test('ends with the last try that the message has, and never pauses the relay again', async () => {
    await using stage = await Stage.open({ relay: { script }, smtp: { maxConnections: 1 } });
    const poison = await submitPoison(stage, { retry: { maxAttempts: 3 } });
    await stage.once();
    await stage.submit();
    await turnTo(stage, stage.clock.now() + MINUTE);
    for (let tries = 2; tries <= 3; tries++) {
      expect((await deliveryOf(stage, poison))?.attempts).toBe(tries - 1);
      await turnTo(stage, stage.clock.now() + 5 * MINUTE);
      expect(await faultsOf(stage)).toBe(0);
    }
    expect(await deliveryOf(stage, poison)).toMatchObject({ state: 'bounced', reason: 'expired', attempts: 3 });
    expect(stage.log.count('relay fault')).toBe(1);
  });

  test('that has met the message alone through a night holds nobody up: new mail is sent at once', async () => {
    await using stage = await Stage.open({ relay: { script }, smtp: { maxConnections: 1 } });
    const poison = await submitPoison(stage);
    await stage.once();
    for (let probes = 1; probes < 20; probes++) {
      await stage.nextProbe();
      await stage.once();
    }
    expect((await stage.store.relays())[0]?.probeAt).toBeGreaterThan(stage.clock.now() + 10 * MINUTE);
    expect(await deliveryOf(stage, poison)).toMatchObject({ state: 'queued', attempts: 0 });

    const other = await stage.submit();
    await stage.once();
    expect(await deliveryOf(stage, other)).toMatchObject({ state: 'sent' });
    expect(await deliveryOf(stage, poison)).toMatchObject({ state: 'queued', attempts: 1 });
  });
});

describe('421 for one recipient of a message', () => {
  test('keeps back that one: the others are sent, and only it counts', async () => {
    const script: Script = { rcpt: poisonous(BYE) };
    await using stage = await Stage.open({ relay: { script }, smtp: { maxConnections: 1 } });
    const id = await stage.submit({ recipients: ['a@example.com', 'poison@example.com', 'c@example.com'] });
    await stage.once();
    await stage.submit();
    await turnTo(stage, stage.clock.now() + MINUTE);
    await stage.once();
    const { deliveries } = await stage.get(id);
    expect(deliveries.map(({ state, attempts }) => [state, attempts])).toEqual([
      ['sent', 1],
      ['queued', 1],
      ['sent', 1],
    ]);
  });
});

test('421 for too much is about all mail: the message that it meets again and again loses no attempt', async () => {
  const script: Script = { mail: poisonous('421 4.7.0 too many messages, slow down') };
  await using stage = await Stage.open({ relay: { script }, smtp: { maxConnections: 1 } });
  const unlucky = await submitPoison(stage);
  await stage.once();
  for (let rounds = 0; rounds < 4; rounds++) {
    const other = await stage.submit();
    await stage.nextProbe();
    await stage.once();
    await stage.nextProbe();
    await stage.once();
    expect(await deliveryOf(stage, other)).toMatchObject({ state: 'sent' });
    expect(await deliveryOf(stage, unlucky)).toMatchObject({ state: 'queued', attempts: 0 });
  }
});

describe('a worker that runs', () => {
  test('sends new mail at once past the message whose pause the relay has', async () => {
    const script: Script = { mail: poisonous(BYE) };
    await using stage = await Stage.open({ relay: { script }, smtp: { maxConnections: 1 } });
    await submitPoison(stage);
    await stage.work();
    for (let faults = 1; faults < 12; faults++) {
      await stage.log.until('relay fault', faults);
      await stage.nextProbe();
    }
    await stage.log.until('relay fault', 12);
    await stage.submit();
    await stage.log.until('relay is well again');
    await stage.log.until('the relay takes other mail');
    expect(stage.relay.received).toHaveLength(1);
    expect((await stage.store.relays())[0]?.faults).toBe(0);
  });
});

describe('a relay that answers all mail with 421', () => {
  test.each([[BYE], [OWN_NETWORK]])(
    '(%s) for a day sees a few connections, and no message loses an attempt, neither the first nor those that come later',
    async (bye) => {
      await using stage = await Stage.open({ relay: { script: { mail: bye } } });
      const begin = stage.clock.now();
      const ids = await Promise.all(Array.from({ length: 30 }, () => stage.submit()));
      await stage.once();
      for (let next = begin + HOUR; stage.clock.now() < begin + 24 * HOUR; ) {
        await stage.nextProbe();
        await stage.once();
        if (stage.clock.now() < next) continue;
        ids.push(await stage.submit());
        next += HOUR;
      }
      expect(stage.relay.connections.length).toBeLessThan(150);
      const attempts = await Promise.all(ids.map(async (id) => (await deliveryOf(stage, id))?.attempts));
      expect(new Set(attempts)).toEqual(new Set([0]));

      stage.relay.script = {};
      await stage.nextProbe();
      await stage.once();
      for (const id of ids) expect(await deliveryOf(stage, id)).toMatchObject({ state: 'sent', attempts: 1 });
    },
  );

  test('costs those nothing either that waited for the connection on which another message met it', async () => {
    await using stage = await Stage.open({ relay: { script: { mail: [BYE] } }, smtp: { maxConnections: 1 } });
    const ids = await Promise.all(Array.from({ length: 3 }, () => stage.submit()));
    const worker = stage.newWorker();
    await worker.once();
    await worker.stop();
    await stage.nextProbe();
    await stage.once();
    for (const id of ids) expect(await deliveryOf(stage, id)).toMatchObject({ state: 'sent', attempts: 1 });
  });
});
