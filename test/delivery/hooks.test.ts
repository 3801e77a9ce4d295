/** Functions of the user's own around an attempt. */
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { HOOK_TIMEOUT } from '../../src/delivery/hooks.ts';
import { drop } from '../relay/actions.ts';
import { GRACE, Stage } from '../support/delivery.ts';

/** A hook that never answers, and word of its first call. */
function silentHook(): { readonly hook: () => Promise<never>; readonly called: Promise<void> } {
  const { promise: called, resolve } = Promise.withResolvers<void>();
  const hook = (): Promise<never> => {
    resolve();
    return new Promise(() => undefined);
  };
  return { hook, called };
}

const refuse = { script: { rcpt: '550 5.1.1 no such user' } } as const;

describe('beforeSend', () => {
  test('hears of each attempt before the relay does', async () => {
    const heard: string[] = [];
    await using stage = await Stage.open({
      hooks: { beforeSend: ({ subject, recipients }) => void heard.push(`${subject}: ${recipients}`) },
    });
    await stage.submit({ subject: 'hello' });
    await stage.once();
    expect(heard).toEqual(['hello: b@example.com']);
  });

  test('that throws defers that message alone', async () => {
    const beforeSend = ({ subject }: { readonly subject: string | null }): void => {
      if (subject === 'bad') throw new Error('not today');
    };
    await using stage = await Stage.open({ hooks: { beforeSend } });
    const bad = await stage.submit({ subject: 'bad' });
    const good = await stage.submit();
    await stage.once();
    expect((await stage.get(bad)).deliveries[0]).toMatchObject({
      state: 'queued',
      lastReply: { text: 'beforeSend failed: not today' },
    });
    expect((await stage.get(good)).deliveries[0]?.state).toBe('sent');
  });

  test('that never answers defers that message alone when its time is over', async () => {
    const { hook, called } = silentHook();
    await using stage = await Stage.open({
      hooks: { beforeSend: ({ subject }) => (subject === 'bad' ? hook() : undefined) },
    });
    const bad = await stage.submit({ subject: 'bad' });
    const good = await stage.submit();
    const round = stage.once();
    await called;
    stage.clock.moveTo(stage.clock.now() + HOOK_TIMEOUT);
    await round;
    expect((await stage.get(bad)).deliveries[0]).toMatchObject({
      state: 'queued',
      lastReply: { code: 451, text: 'beforeSend failed: it took longer than 30 s' },
    });
    expect((await stage.get(good)).deliveries[0]?.state).toBe('sent');
    expect(stage.log.count('a hook failed, the message waits')).toBe(1);
  });
});

describe('onRelayChange', () => {
  test('hears of the first fault, of each probe that fails, and of the end', async () => {
    const heard: unknown[] = [];
    await using stage = await Stage.open({
      relay: { script: { connect: '421 4.3.2 closed' } },
      hooks: { onRelayChange: (change) => void heard.push(change) },
    });
    await stage.submit();
    const since = stage.clock.now();
    await stage.once();
    await stage.nextProbe();
    await stage.once();
    stage.relay.script = {};
    await stage.nextProbe();
    await stage.once();
    const reply = expect.objectContaining({ code: 421 });
    const paused = { relay: 'default', state: 'paused', since, reply, nextProbe: expect.any(Number) };
    expect(heard).toMatchObject([
      { ...paused, faults: 1 },
      { ...paused, faults: 2 },
      { relay: 'default', state: 'well' },
    ]);
  });

  test('that throws holds up nothing', async () => {
    const onRelayChange = (): never => {
      throw new Error('the pager is out');
    };
    await using stage = await Stage.open({
      relay: { script: { connect: '421 4.3.2 closed' } },
      hooks: { onRelayChange },
    });
    const id = await stage.submit();
    await stage.once();
    stage.relay.script = {};
    await stage.nextProbe();
    await stage.once();
    expect((await stage.get(id)).deliveries[0]?.state).toBe('sent');
    expect(stage.log.count('a hook failed')).toBe(2);
  });
});

describe('onDeliveryError', () => {
  test.each([
    ['sent', 'sent'],
    ['deferred', 'queued'],
    [undefined, 'bounced'],
  ] as const)('that answers %s leaves a refused delivery %s', async (answer, state) => {
    await using stage = await Stage.open({ relay: refuse, hooks: { onDeliveryError: () => answer } });
    const id = await stage.submit();
    await stage.once();
    expect((await stage.get(id)).deliveries[0]).toMatchObject({ state, lastReply: { code: 550 } });
  });

  test.each([
    ['throws', () => Promise.reject(new Error('oops'))],
    ['answers nonsense', () => 'perhaps' as 'sent'],
  ])('that %s defers what it was asked about, with what the relay said', async (_, onDeliveryError) => {
    await using stage = await Stage.open({ relay: refuse, hooks: { onDeliveryError } });
    const id = await stage.submit();
    await stage.once();
    expect((await stage.get(id)).deliveries[0]).toMatchObject({ state: 'queued', lastReply: { code: 550 } });
    expect(stage.log.count('a hook failed')).toBe(1);
  });

  test('that never answers defers too when its time is over', async () => {
    const { hook, called } = silentHook();
    await using stage = await Stage.open({ relay: refuse, hooks: { onDeliveryError: hook } });
    const id = await stage.submit();
    const round = stage.once();
    await called;
    stage.clock.moveTo(stage.clock.now() + HOOK_TIMEOUT);
    await round;
    expect((await stage.get(id)).deliveries[0]).toMatchObject({ state: 'queued', lastReply: { code: 550 } });
    expect(stage.log.count('a hook failed')).toBe(1);
  });

  test('that gives up what is in doubt leaves the doubt on record, and the report says so', async () => {
    const relay = { script: { dot: drop } };
    await using stage = await Stage.open({ relay, hooks: { onDeliveryError: () => 'refused' } });
    const id = await stage.submit();
    await stage.once();
    const { deliveries, attempts } = await stage.get(id);
    expect(deliveries[0]).toMatchObject({ state: 'bounced', reason: 'refused', inDoubt: true });
    expect(attempts).toMatchObject([{ outcome: 'in doubt' }]);
    expect((await stage.reports(id))[0]).toContain('It may have arrived all the same');
  });

  test('cannot hide a fault of the relay', async () => {
    const relay = { script: { connect: '554 5.3.2 closed' } } as const;
    await using stage = await Stage.open({ relay, hooks: { onDeliveryError: () => undefined } });
    await stage.submit();
    await stage.once();
    expect((await stage.store.relays())[0]?.faults).toBe(1);
  });
});

describe('a stop does not wait for a hook that never answers', () => {
  /** Stops the worker; once it waits for what is under way, its grace passes, and nothing more of the clock. */
  async function stopAfterGrace(stage: Stage): Promise<void> {
    const end = stage.clock.now() + GRACE;
    const stopped = stage.stopWork();
    while (stage.clock.nextTimer() !== end) await turn();
    stage.clock.moveTo(end);
    await stopped;
  }

  test('before an attempt: nothing was tried, and the delivery is given back', async () => {
    const { hook, called } = silentHook();
    await using stage = await Stage.open({ hooks: { beforeSend: hook } });
    const id = await stage.submit({ retry: { maxAttempts: 1 } });
    await stage.work();
    await called;
    await stopAfterGrace(stage);
    expect((await stage.get(id)).deliveries[0]).toMatchObject({
      ...{ state: 'queued', attempts: 0, lastReply: { text: 'beforeSend failed: posthaste is stopping' } },
    });
    expect(stage.relay.connections).toEqual([]);
    expect(await stage.store.relays()).toEqual([]);
  });

  test('after one: it is deferred, with what the relay said', async () => {
    const { hook, called } = silentHook();
    await using stage = await Stage.open({ relay: refuse, hooks: { onDeliveryError: hook } });
    const id = await stage.submit();
    await stage.work();
    await called;
    await stopAfterGrace(stage);
    expect((await stage.get(id)).deliveries[0]).toMatchObject({
      state: 'queued',
      attempts: 1,
      lastReply: { code: 550 },
    });
  });
});
