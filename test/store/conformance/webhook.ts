/** Facts about webhooks: what is kept for them, who may post, and in which order. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Attempt } from '../../../src/queue/delivery.ts';
import type { Claim } from '../../../src/queue/store.ts';
import { WEBHOOK_EVENTS, type WebhookEvent } from '../../../src/queue/webhook.ts';
import { newId } from '../../../src/runtime/id.ts';
import type { Bench } from '../conformance.ts';
import { claimAll, HOLDER, LATER, put, sample, settleOne, T } from './samples.ts';

const WELL = { failures: 0, failingSince: null, restUntil: null, disabledAt: null };
const GONE = { failures: 1, failingSince: T, restUntil: null, disabledAt: T };

export function webhookFacts(bench: Bench): void {
  const waiting = async (name = 'shop'): Promise<readonly WebhookEvent[]> =>
    (await bench.store.webhookEvents(name, 'waiting', { limit: 100 })).rows;
  const types = async (name = 'shop'): Promise<string[]> => (await waiting(name)).map(({ type }) => type);
  const due = async (now = T): Promise<string[]> =>
    (await bench.store.dueWebhookEvents('shop', now, 100)).map(({ type }) => type);
  const told = async (ids: readonly string[]): Promise<void> =>
    bench.store.endWebhookEvents('shop', { at: T, delivered: ids, failed: [], state: WELL });

  describe('webhooks', () => {
    test('nothing is kept for nobody', async () => {
      const { store } = bench;
      await put(store);
      await settleOne(store, (await claimAll(store))[0] as Claim, { state: 'sent' });
      await store.registerWebhooks([{ name: 'shop', events: WEBHOOK_EVENTS }], T);
      expect(await types()).toEqual([]);
    });

    describe('that are known', () => {
      beforeEach(() => bench.store.registerWebhooks([{ name: 'shop', events: WEBHOOK_EVENTS }], T));

      test('are told what happens to each delivery, with what is known of it', async () => {
        const { store } = bench;
        const part = { to: ['é@x.org'], tags: ['news'], metadata: { order: '7' }, subject: 'Grüße 💌' };
        const id = await put(store, part);
        const [first] = await claimAll(store);
        await settleOne(store, first as Claim, { state: 'queued', dueAt: T + 60, reply: LATER }, T + 5);
        const [second] = await claimAll(store, { now: T + 60 });
        const tried = { startedAt: T + 60, durationMs: 1, relay: 'default', outcome: 'in doubt', reply: null } as const;
        await settleOne(
          store,
          second as Claim,
          { state: 'queued', dueAt: T + 99, inDoubt: true, attempt: tried },
          T + 61,
        );
        const [third] = await claimAll(store, { now: T + 99 });
        await settleOne(store, third as Claim, { state: 'bounced', reason: 'refused', reply: LATER }, T + 100);
        expect(await types()).toEqual(['submitted', 'deferred', 'inDoubt', 'bounced']);
        const all = await waiting();
        expect(all[1]).toMatchObject({
          message: id,
          state: 'waiting',
          createdAt: T + 5,
          attempts: 0,
          lastFailure: null,
        });
        const facts = { sender: 'app@example.org', subject: 'Grüße 💌', tags: ['news'], metadata: { order: '7' } };
        const reply = { code: 451, status: '4.7.1', text: 'come again\nin a while' };
        expect(JSON.parse(all[3]?.body ?? '')).toEqual({
          type: 'bounced',
          timestamp: new Date(T + 100).toISOString(),
          data: {
            ...{ id, ordinal: 1, recipient: 'é@x.org', relay: 'default', messageId: `<${id}@example.org>` },
            ...{ state: 'bounced', reason: 'refused', attempts: 3, dueAt: T, reply, reportOn: null, ...facts },
          },
        });
      });

      test('are told of a doubt by the attempt that left it, and of a process that ended in one', async () => {
        const { store } = bench;
        await put(store);
        const attempt = async (now: number, outcome: Attempt['outcome']): Promise<void> => {
          const [claim] = await claimAll(store, { now });
          const tried = { startedAt: now, durationMs: 1, relay: 'default', outcome, reply: LATER };
          const next = { state: 'queued', dueAt: now + 60, reply: LATER, inDoubt: true, attempt: tried } as const;
          await settleOne(store, claim as Claim, next, now + 1);
        };
        await attempt(T, 'in doubt');
        await attempt(T + 100, 'deferred');
        await attempt(T + 200, 'in doubt');
        await claimAll(store, { now: T + 300 });
        await store.reclaim(T + 301, [HOLDER], [0]);
        expect(await types()).toEqual(['submitted', 'inDoubt', 'deferred', 'inDoubt', 'inDoubt']);
      });

      test('are told of each recipient, of those who are suppressed too, then and later', async () => {
        const { store } = bench;
        const entry = { reason: 'asked', since: T, until: null, note: null };
        await store.suppress([{ target: 'b@x.org', ...entry }]);
        await put(store, { to: ['a@x.org', 'b@x.org'] });
        await store.suppress([{ target: 'a@x.org', ...entry }]);
        await claimAll(store);
        const all = (await waiting()).map(
          ({ body }) => JSON.parse(body) as { type: string; data: { recipient: string } },
        );
        expect(all.map(({ type, data }) => [type, data.recipient])).toEqual([
          ['submitted', 'a@x.org'],
          ['submitted', 'b@x.org'],
          ['suppressed', 'b@x.org'],
          ['suppressed', 'a@x.org'],
        ]);
      });

      test('are told only what they want, each by itself, and what waited is kept', async () => {
        const { store } = bench;
        await store.registerWebhooks([{ name: 'other', events: ['sent'] }], T);
        await put(store);
        await settleOne(store, (await claimAll(store))[0] as Claim, { state: 'sent' });
        expect([await types(), await types('other')]).toEqual([['submitted', 'sent'], ['sent']]);
        await store.registerWebhooks([{ name: 'shop', events: [] }], T);
        await put(store);
        expect(await types()).toEqual(['submitted', 'sent']);
      });

      test('get nothing of a duplicate, nor of a settlement that did not hold', async () => {
        const { store } = bench;
        await put(store, { key: 'k' });
        await store.insert([sample({ key: 'k' })], T);
        const [claim] = await claimAll(store);
        await settleOne(store, claim as Claim, { state: 'sent' });
        expect(await settleOne(store, claim as Claim, { state: 'bounced', reason: 'refused' })).toBe(false);
        expect(await types()).toEqual(['submitted', 'sent']);
      });

      test('get the events of a message one after the other, of others meanwhile', async () => {
        const { store } = bench;
        const one = await put(store);
        await settleOne(store, (await claimAll(store))[0] as Claim, { state: 'sent' });
        const two = await put(store);
        const heads = await store.dueWebhookEvents('shop', T, 100);
        expect(heads.map(({ message, type }) => [message, type])).toEqual([
          [one, 'submitted'],
          [two, 'submitted'],
        ]);
        const [head] = heads as [WebhookEvent];
        const failed = [{ id: head.id, at: T, status: 500, error: 'answered 500', dueAt: T + 9 }];
        const state = { ...WELL, failures: 1, failingSince: T };
        await store.endWebhookEvents('shop', { at: T, delivered: [], failed, state });
        expect(await due()).toEqual(['submitted']);
        expect(await due(T + 9)).toEqual(['submitted', 'submitted']);
        expect((await waiting())[0]).toMatchObject({ attempts: 1, lastFailure: { at: T, status: 500 } });
        await told(heads.map(({ id }) => id));
        expect(await due()).toEqual(['sent']);
      });

      test('are ordered by what happened, whatever the clocks of the processes say', async () => {
        const { store } = bench;
        await put(store);
        await settleOne(store, (await claimAll(store))[0] as Claim, { state: 'sent' }, T - 60_000);
        expect(await due()).toEqual(['submitted']);
      });

      test('have one process at a time, until its lease is over or it lets go', async () => {
        const { store } = bench;
        const other = newId(T);
        const lease = async (holder: string, now: number): Promise<number> =>
          (await store.leaseWebhooks(['shop', 'none'], holder, now, now + 100)).length;
        expect([await lease(HOLDER, T), await lease(other, T + 99), await lease(HOLDER, T + 50)]).toEqual([1, 0, 1]);
        expect([await lease(other, T + 149), await lease(other, T + 150), await lease(HOLDER, T + 151)]).toEqual([
          0, 1, 0,
        ]);
        await store.releaseWebhooks(other);
        expect(await lease(HOLDER, T + 152)).toBe(1);
      });

      test('fail when their time is over, wait for a resend, and are forgotten', async () => {
        const { store } = bench;
        for (let i = 0; i < 3; i++) await put(store);
        expect(await store.expireWebhookEvents('shop', T, 10)).toBe(0);
        expect([await store.expireWebhookEvents('shop', T + 1, 2), await due()]).toEqual([2, ['submitted']]);
        const { rows, cursor } = await store.webhookEvents('shop', 'failed', { limit: 1 });
        const rest = await store.webhookEvents('shop', 'failed', { limit: 5, cursor: cursor as string });
        expect([rows.length, rest.rows.length, rest.cursor]).toEqual([1, 1, null]);
        expect(await store.webhookCounts()).toEqual([{ webhook: 'shop', waiting: 1, failed: 2, oldestWaiting: T }]);
        expect(await store.resendWebhookEvents('shop', [rows[0]?.id as string], T + 50)).toBe(1);
        expect(await store.resendWebhookEvents('shop', null, T + 50)).toBe(1);
        expect(await due(T + 50)).toHaveLength(3);
        expect(await store.expireWebhookEvents('shop', T + 51, 10)).toBe(3);
        expect(await store.purgeWebhooks(T + 50, T, 10)).toBe(1);
        expect(await store.purgeWebhooks(T + 51, T, 10)).toBe(2);
      });

      test('that are gone are told nothing until they are enabled', async () => {
        const { store } = bench;
        await store.endWebhookEvents('shop', { at: T, delivered: [], failed: [], state: GONE });
        await put(store);
        expect([await types(), (await store.webhooks())[0]?.disabledAt]).toEqual([[], T]);
        expect([await store.enableWebhook('shop'), await store.enableWebhook('none')]).toEqual([true, false]);
        await put(store);
        expect(await types()).toEqual(['submitted']);
        expect(await store.webhooks()).toMatchObject([{ name: 'shop', events: WEBHOOK_EVENTS, ...WELL }]);
      });

      test('that nobody knows any more are forgotten, with what waits for them', async () => {
        const { store } = bench;
        await put(store);
        expect(await store.purgeWebhooks(0, T, 10)).toBe(0);
        expect(await store.purgeWebhooks(0, T + 1, 10)).toBe(1);
        expect(await store.purgeWebhooks(0, T + 1, 10)).toBe(0);
        expect([await store.webhooks(), await types()]).toEqual([[], []]);
      });
    });
  });
}
