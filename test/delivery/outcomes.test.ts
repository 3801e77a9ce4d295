/** What becomes of a delivery for what a relay does: through a real store and real sockets. */
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../src/mail/outcome.ts';
import { RULES, type Rule } from '../../src/transport/classify.ts';
import { drop, type Script } from '../relay/actions.ts';
import { Stage } from '../support/delivery.ts';

const refuseByAddress: Script = {
  rcpt: (command) => {
    if (command.includes('<no@')) return '550 5.1.1 no such user';
    if (command.includes('<later@')) return '450 4.2.0 mailbox busy';
    return { kind: 'usual' };
  },
};

describe('one transaction', () => {
  test('with three recipients taken, refused and deferred ends in three states with three replies', async () => {
    await using stage = await Stage.open({ relay: { script: refuseByAddress } });
    const id = await stage.submit({ recipients: ['yes@example.com', 'no@example.com', 'later@example.com'] });
    await stage.once();
    const { deliveries, attempts } = await stage.get(id);
    expect(deliveries.map(({ state, reason, lastReply }) => [state, reason, lastReply?.code])).toEqual([
      ['sent', null, 250],
      ['bounced', 'refused', 550],
      ['queued', null, 450],
    ]);
    expect(attempts.map(({ ordinal, outcome }) => [ordinal, outcome])).toEqual([
      [1, 'sent'],
      [2, 'refused'],
      [3, 'deferred'],
    ]);
    expect(stage.relay.received).toHaveLength(2);
  });

  test('is tried again for the deferred recipient alone, with the same bytes', async () => {
    await using stage = await Stage.open({ relay: { script: refuseByAddress } });
    const id = await stage.submit({ recipients: ['yes@example.com', 'later@example.com'] });
    await stage.once();
    stage.relay.script = {};
    stage.clock.moveTo(stage.clock.now() + 60_000);
    await stage.once();
    expect((await stage.get(id)).deliveries.map(({ state }) => state)).toEqual(['sent', 'sent']);
    expect(stage.relay.received.map(({ recipients }) => recipients)).toEqual([
      ['yes@example.com'],
      ['later@example.com'],
    ]);
    expect(stage.relay.received[1]?.content).toEqual(stage.relay.received[0]?.content);
  });
});

describe('a refusal', () => {
  test('is reported to the sender through the same relay, in one report that names all recipients', async () => {
    await using stage = await Stage.open({
      relay: { script: { rcpt: (command) => (command.includes('@example.com') ? '550 5.1.1 no' : { kind: 'usual' }) } },
    });
    const id = await stage.submit({ recipients: ['x@example.com', 'y@example.com'] });
    await stage.once();
    const [report, ...others] = await stage.reports(id);
    expect(others).toEqual([]);
    expect(report).toContain('Final-Recipient: rfc822; x@example.com');
    expect(report).toContain('Final-Recipient: rfc822; y@example.com');
    expect(stage.relay.received.map(({ sender, recipients }) => [sender, recipients])).toEqual([
      ['', ['a@example.org']],
    ]);
  });

  test('of a report is kept visible, and not reported again', async () => {
    await using stage = await Stage.open({ relay: { script: { mail: '550 5.7.1 no mail today' } } });
    const id = await stage.submit();
    await stage.once();
    const { rows } = await stage.store.find({ sender: '<>' }, { limit: 10 });
    expect(rows.map(({ state, reason }) => [state, reason])).toEqual([['bounced', 'refused']]);
    expect(await stage.reports(id)).toHaveLength(1);
    expect(await stage.store.count({})).toBe(2);
  });

  test('of mail from the null sender is reported to nobody', async () => {
    await using stage = await Stage.open({ relay: { script: { mail: '550 5.7.1 no' } } });
    await stage.submit({ sender: null });
    await stage.once();
    expect(await stage.store.count({})).toBe(1);
  });
});

describe('rules of a relay', () => {
  const full: Rule = {
    name: 'full',
    codes: [552],
    text: /quota/,
    verdict: { kind: 'deferred', scope: 'recipient' },
    reason: 'The mailbox will have room again.',
  };

  test('decide before the table does, and only where they fit', async () => {
    const rcpt = (command: string) => (command.includes('<full@') ? '552 5.2.2 over quota' : '552 5.2.2 no');
    await using stage = await Stage.open({ relay: { script: { rcpt } }, smtp: { rules: [full, ...RULES] } });
    const id = await stage.submit({ recipients: ['full@example.com', 'other@example.com'] });
    await stage.once();
    expect((await stage.get(id)).deliveries.map(({ state }) => state)).toEqual(['queued', 'bounced']);
  });
});

describe('in doubt', () => {
  test('is recorded and shown, and the same bytes go again', async () => {
    await using stage = await Stage.open({ relay: { script: { dot: [drop] } } });
    const id = await stage.submit();
    await stage.once();
    const doubtful = await stage.get(id);
    expect(doubtful.deliveries[0]).toMatchObject({ state: 'queued', inDoubt: true, attempts: 1 });
    expect(doubtful.attempts[0]).toMatchObject({ outcome: 'in doubt' });
    expect((await stage.store.counts(stage.clock.now())).inDoubt).toBe(1);
    stage.clock.moveTo(stage.clock.now() + 60_000);
    await stage.once();
    expect((await stage.get(id)).deliveries[0]).toMatchObject({ state: 'sent', inDoubt: false, attempts: 2 });
    expect(stage.relay.received).toHaveLength(2);
    expect(stage.relay.received[0]?.content).toEqual(stage.relay.received[1]?.content);
  });

  test('is held where an operator decides', async () => {
    await using stage = await Stage.open({ relay: { script: { dot: [drop] } }, doubt: 'hold' });
    const id = await stage.submit();
    await stage.once();
    expect((await stage.get(id)).deliveries[0]).toMatchObject({ state: 'held', reason: 'doubt', inDoubt: true });
  });
});

describe('time', () => {
  test('ends a delivery that nobody could send, with a report', async () => {
    await using stage = await Stage.open({ relay: { script: { connect: '421 4.3.2 closed' } } });
    const id = await stage.submit();
    await stage.once();
    stage.clock.moveTo(stage.clock.now() + 5 * 86_400_000);
    await stage.janitor().round();
    expect((await stage.get(id)).deliveries[0]).toMatchObject({ state: 'bounced', reason: 'expired', attempts: 0 });
    expect(await stage.reports(id)).toHaveLength(1);
  });

  test('makes a delay known once', async () => {
    await using stage = await Stage.open({
      relay: { script: { rcpt: (command) => (command.includes('b@') ? '451 4.3.0 later' : { kind: 'usual' }) } },
    });
    const id = await stage.submit();
    await stage.once();
    for (let hour = 1; hour <= 8; hour++) {
      stage.clock.moveTo(stage.clock.now() + 3_600_000);
      await stage.once();
    }
    const reports = await stage.reports(id);
    expect(reports).toHaveLength(1);
    expect(reports[0]).toContain('Action: delayed');
  });
});

describe('a transport that throws', () => {
  test('defers that message alone', async () => {
    let calls = 0;
    const transport = {
      concurrency: 1,
      send: async () => {
        if (++calls === 1) throw new Error('bug in a plugin');
        return [{ kind: 'sent' as const, reply: { code: 250, text: 'ok' } }];
      },
      close: async () => undefined,
    };
    await using stage = await Stage.open({ transport });
    const first = await stage.submit();
    const second = await stage.submit();
    await stage.once();
    expect((await stage.get(first)).deliveries[0]).toMatchObject({ state: 'queued', lastReply: { status: '4.3.0' } });
    expect((await stage.get(second)).deliveries[0]?.state).toBe('sent');
  });
});

describe('a transport that throws while its relay has faults', () => {
  test('says nothing of the relay, which is probed with the next message', async () => {
    const none: Outcome = {
      kind: 'deferred',
      scope: 'relay',
      reply: { code: 451, text: 'no connection', ours: true },
      inDoubt: false,
    };
    const faults: unknown[] = [];
    let calls = 0;
    const transport = {
      concurrency: 1,
      send: async (): Promise<readonly Outcome[]> => {
        faults.push((await stage.store.relays())[0]?.faults ?? 0);
        if (++calls === 1) return [none];
        if (calls === 2) throw new Error('bug in a plugin');
        return [{ kind: 'sent', reply: { code: 250, text: 'ok' } }];
      },
      close: async () => undefined,
    };
    await using stage = await Stage.open({ transport });
    const messages = [await stage.submit(), await stage.submit()];
    await stage.once();
    stage.clock.moveTo(stage.clock.now() + 60_000);
    await stage.once();
    const states = await Promise.all(messages.map(async (id) => (await stage.get(id)).deliveries[0]?.state));
    expect(states.toSorted()).toEqual(['queued', 'sent']);
    expect(faults).toEqual([0, 1, 1]);
    expect((await stage.store.relays())[0]?.faults).toBe(0);
  });
});

describe('a message with retries of its own', () => {
  const busy: Script = { rcpt: '450 4.2.0 mailbox busy' };

  test('waits as long as it asks for, and is given up after as many tries', async () => {
    await using stage = await Stage.open({ relay: { script: busy } });
    const id = await stage.submit({ retry: { firstDelay: 7_000, maxAttempts: 2 } });
    const other = await stage.submit();
    await stage.once();
    expect((await stage.get(id)).deliveries[0]?.dueAt).toBe(stage.clock.now() + 7_000);
    stage.clock.moveTo(stage.clock.now() + 60_000);
    await stage.once();
    expect((await stage.get(id)).deliveries[0]).toMatchObject({ state: 'bounced', reason: 'expired', attempts: 2 });
    expect((await stage.get(other)).deliveries[0]).toMatchObject({ state: 'queued', attempts: 2 });
  });

  test('is given up at the age that it names', async () => {
    await using stage = await Stage.open({ relay: { script: busy } });
    const id = await stage.submit({ retry: { maxAge: 90_000 } });
    await stage.once();
    stage.clock.moveTo(stage.clock.now() + 90_000);
    await stage.janitor().round();
    expect((await stage.get(id)).deliveries[0]).toMatchObject({ state: 'bounced', reason: 'expired', attempts: 1 });
  });

  test('is refused when it asks for nonsense, and nothing is kept', async () => {
    await using stage = await Stage.open();
    await expect(stage.submit({ retry: { maxAttempts: 0 } })).rejects.toMatchObject({ code: 'RETRY_INVALID' });
    expect(await stage.store.count({})).toBe(0);
  });
});

test('recipients that differ only in the case of the domain are one, as it was named first', async () => {
  await using stage = await Stage.open();
  const id = await stage.submit({ recipients: ['same@dsn.example', 'same@DSN.example', 'Same@dsn.example'] });
  const { deliveries } = await stage.get(id);
  expect(deliveries.map(({ recipient }) => recipient)).toEqual(['same@dsn.example', 'Same@dsn.example']);
});

test('a wish for reports that another program wrote amiss never reaches the relay, and the sender hears of its end', async () => {
  await using stage = await Stage.open();
  const bytes = Buffer.from('Subject: test\r\n\r\nbody\r\n');
  const { deliveries, ...composed } = stage.queue.compose({
    id: stage.queue.newId(),
    envelope: { sender: 'a@example.org', recipients: [{ address: 'b@example.com' }], smtputf8: false },
    content: { bytes },
    size: bytes.length,
    eightBit: false,
    messageId: '<1@example.org>',
    subject: 'test',
    origin: 'smtp',
  });
  const notify = ['never\r\nRCPT TO:<evil@example.net>\r\nDATA' as 'never'];
  await stage.store.insert(
    [{ ...composed, deliveries: deliveries.map((each) => ({ ...each, notify })) }],
    stage.clock.now(),
  );
  await stage.once();
  const { id } = composed.message;
  expect((await stage.get(id)).deliveries[0]).toMatchObject({
    state: 'bounced',
    reason: 'refused',
    lastReply: { code: 501, status: '5.5.4', ours: true },
  });
  expect(await stage.reports(id)).toHaveLength(1);
  const told = stage.relay.connections.flatMap(({ commands }) => commands).filter((command) => /^RCPT/.test(command));
  expect(told).toEqual(['RCPT TO:<a@example.org> NOTIFY=NEVER']);
});
