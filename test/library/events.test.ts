/** Watching a queue: events of this process and of others, and waiting for one message. */
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DeliveryEvent, type MailQueue, openQueue, type QueueEvent, type QueueSettings } from '../../src/index.ts';
import { type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import { temporaryFolder } from '../support/posthaste.ts';
import { Kept } from './kept.ts';

const mail = { from: 'ann@example.com', to: 'bob@example.org', subject: 'hello', text: 'one\n' };

let folder: ReturnType<typeof temporaryFolder>;
let relay: ScriptedRelay;
let queue: MailQueue;
let other: MailQueue;

const open = (settings: QueueSettings = {}): Promise<MailQueue> =>
  openQueue({ dataDir: folder.path, relay: `smtp://127.0.0.1:${relay.port}`, ...settings });

/** `queue` watches, `other` does all the rest. */
beforeEach(async () => {
  folder = temporaryFolder();
  relay = await startRelay();
  [queue, other] = [await open(), await open()];
});

afterEach(async () => {
  await Promise.all([queue.close(), other.close()]);
  await relay.close();
  folder[Symbol.dispose]();
});

const nameOf = (event: QueueEvent): string =>
  event.type === 'relay' ? `${event.relay.relay} ${event.change}` : `${event.type} ${event.delivery.recipient}`;

/** The next so many events. */
async function take(events: AsyncGenerator<QueueEvent, void>, count: number): Promise<QueueEvent[]> {
  const taken: QueueEvent[] = [];
  while (taken.length < count) {
    const next = await events.next();
    if (next.done) break;
    taken.push(next.value);
  }
  return taken;
}

const names = async (events: AsyncGenerator<QueueEvent, void>, count: number): Promise<string[]> =>
  (await take(events, count)).map(nameOf);

describe('events', () => {
  test('tell of what another process does, one delivery after the other in order', async () => {
    await other.submit({ ...mail, to: 'before@example.org' }, { held: true });
    relay.script = { rcpt: (command) => (command.includes('<no@') ? '550 5.1.1 no such user' : { kind: 'usual' }) };
    // The time of this call counts, not that of the first look.
    const events = queue.events();
    const { id } = await other.submit({ ...mail, to: ['bob@example.org', 'no@example.org'] });
    expect(await names(events, 2)).toEqual(['submitted no@example.org', 'submitted bob@example.org']);
    await other.work();
    // The report to the sender is a message too.
    const taken = (await take(events, 3)) as DeliveryEvent[];
    const expected = ['bounced no@example.org', 'sent bob@example.org', 'submitted ann@example.com'];
    expect(taken.map(nameOf).toSorted()).toEqual(expected);
    expect(taken.find(({ type }) => type === 'bounced')?.delivery).toMatchObject({
      id,
      subject: 'hello',
      reason: 'refused',
      lastReply: { code: 550 },
    });
  });

  test('tell of deferral, hold, release, cancelling and suppression', async () => {
    const kept = await Kept.open(folder.path);
    await kept.store.suppress([{ target: 'gone@example.org', reason: 'asked', since: 0, until: null, note: null }]);
    await kept.close();
    relay.script = { rcpt: ['451 4.3.0 later'] };
    const events = queue.events();
    const { id } = await other.submit(mail);
    expect(await names(events, 1)).toEqual(['submitted bob@example.org']);
    await other.work();
    expect(await names(events, 1)).toEqual(['deferred bob@example.org']);
    await other.hold({ ids: [id] });
    expect(await names(events, 1)).toEqual(['held bob@example.org']);
    await other.cancel({ ids: [id] });
    expect(await names(events, 1)).toEqual(['cancelled bob@example.org']);
    await other.submit({ ...mail, to: 'gone@example.org' });
    expect(await names(events, 2)).toEqual(['submitted gone@example.org', 'suppressed gone@example.org']);
  });

  test('tell of a doubt', async () => {
    relay.script = { dot: [{ kind: 'drop' }] };
    const events = queue.events();
    const seen: string[] = [];
    const until = async (name: string): Promise<void> => {
      for await (const event of events) {
        seen.push(nameOf(event));
        if (event.type !== 'relay' && nameOf(event) === name) return;
      }
    };
    await other.submit(mail);
    await other.work();
    await until('inDoubt bob@example.org');
    expect(seen).toContain('submitted bob@example.org');
  });

  test('tell of a relay that an operator pauses and resumes, and that fails', async () => {
    const kept = await Kept.open(folder.path);
    const events = queue.events();
    await other.submit(mail);
    expect(await names(events, 1)).toEqual(['submitted bob@example.org']);
    const next = events.next();
    await kept.store.pauseRelay('default', { at: 1, by: 'me' });
    expect(nameOf((await next).value as QueueEvent)).toBe('default paused');
    await kept.store.pauseRelay('default', null);
    expect(await names(events, 1)).toEqual(['default resumed']);
    await kept.store.faultRelay('default', { code: 421, text: 'no' }, Date.now(), [60_000]);
    expect(await names(events, 1)).toEqual(['default failing']);
    await kept.store.healRelay('default', Date.now());
    expect(await names(events, 1)).toEqual(['default well']);
    await kept.close();
  });

  test('go on after a cursor, and tell what comes again by its key', async () => {
    const events = queue.events();
    await other.submit(mail);
    const [first] = (await take(events, 1)) as [DeliveryEvent];
    await events.return();
    await other.work();
    await other.waitFor(first.delivery.id);
    await queue.close();
    queue = await open();
    const resumed = (await take(queue.events({ after: first.cursor }), 2)) as DeliveryEvent[];
    expect(resumed.map(nameOf)).toEqual(['submitted bob@example.org', 'sent bob@example.org']);
    expect(resumed[0]?.key).toBe(first.key);
    const all = (await take(queue.events({ after: 0 }), 2)) as DeliveryEvent[];
    expect(all.map(({ key }) => key)).toEqual(resumed.map(({ key }) => key));
  });

  test('of more than a page are told each once', async () => {
    const events = queue.events();
    const mails = Array.from({ length: 1_200 }, (_, n) => ({ ...mail, to: `u${n}@example.org` }));
    await other.sendMassMail(mails, { held: true });
    const taken = (await take(events, 2_400)) as DeliveryEvent[];
    expect(new Set(taken.map(({ key }) => key)).size).toBe(2_400);
    expect(taken.filter(({ type }) => type === 'held')).toHaveLength(1_200);
    const next = events.next();
    await other.submit(mail);
    expect(nameOf((await next).value as QueueEvent)).toBe('submitted bob@example.org');
  });

  test('end with their signal and with the queue, also while somebody waits', async () => {
    const stop = new AbortController();
    const [stopped, closed] = [queue.events({ signal: stop.signal }).next(), queue.events().next()];
    stop.abort();
    expect((await stopped).done).toBe(true);
    await queue.close();
    expect((await closed).done).toBe(true);
  });

  test('and listeners that come after close are refused, and may go', async () => {
    const listener = (): void => {};
    queue.on('sent', listener);
    await queue.close();
    const stopped = expect.objectContaining({ code: 'STOPPED' });
    expect(() => queue.events()).toThrow(stopped);
    expect(() => queue.on('sent', listener)).toThrow(stopped);
    expect(() => queue.once('event', listener)).toThrow(stopped);
    expect(queue.off('sent', listener).listenerCount('sent')).toBe(0);
  });

  test.each(['yesterday', '', -1])('after %j are refused', (after) => {
    expect(() => queue.events({ after })).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
  });
});

describe('on', () => {
  test('hears each type by its name, and all as event', async () => {
    const all: string[] = [];
    queue.on('event', (event) => all.push(nameOf(event)));
    const sent = once(queue, 'sent') as Promise<[DeliveryEvent]>;
    await other.submit(mail);
    await other.work();
    const [event] = await sent;
    expect(event.delivery).toMatchObject({ recipient: 'bob@example.org', state: 'sent' });
    expect(all[0]).toBe('submitted bob@example.org');
  });

  test('reads the database only while somebody listens', async () => {
    const listener = (): void => {};
    queue.on('sent', listener).off('sent', listener);
    queue.on('bounced', listener);
    await other.submit({ ...mail, to: 'bad@example.org' });
    const held = once(queue, 'held');
    await other.hold({ recipient: 'bad@example.org' });
    await held;
    expect(queue.eventNames()).toEqual(['newListener', 'removeListener', 'bounced']);
  });
});

describe('waitFor', () => {
  test('resolves when all deliveries have ended, in whichever process', async () => {
    relay.script = { rcpt: (command) => (command.includes('<no@') ? '550 5.1.1 no such user' : { kind: 'usual' }) };
    const { id } = await queue.submit({ ...mail, to: ['bob@example.org', 'no@example.org'] });
    const waiting = queue.waitFor(id);
    await other.work();
    const { deliveries, attempts } = await waiting;
    expect(deliveries.map(({ state }) => state)).toEqual(['sent', 'bounced']);
    expect(attempts).toHaveLength(2);
  });

  test('waits for other states too, and for many at once', async () => {
    const ids = await Promise.all(Array.from({ length: 120 }, async () => (await queue.submit(mail)).id));
    const waiting = Promise.all(ids.map((id) => queue.waitFor(id, { states: ['held'] })));
    await other.hold({ recipient: mail.to });
    expect((await waiting).map(({ deliveries }) => deliveries[0]?.state)).toEqual(ids.map(() => 'held'));
  });

  test('fails for what is not there, after its time, by its signal, and when the queue is closed', async () => {
    const { id } = await queue.submit(mail);
    const code = (code: string) => ({ name: 'PosthasteError', code });
    await expect(queue.waitFor('01234567-89ab-7def-8123-456789abcdef')).rejects.toMatchObject(code('NOT_FOUND'));
    await expect(queue.waitFor(id, { timeout: 1 })).rejects.toMatchObject({
      ...code('WAIT_TIMEOUT'),
      message: `Message ${id} has not ended after 1 ms: it is queued. No worker has been seen: start posthaste serve or posthaste work.`,
    });
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(queue.waitFor(id, { signal })).rejects.toThrow('enough');
    const failing = expect(queue.waitFor(id)).rejects.toMatchObject(code('STOPPED'));
    await queue.close();
    await failing;
  });
});
