/** Messages for measurements of the store, and what a worker does with them. */
import type { NewMessage } from '../src/queue/message.ts';
import type { Claim, SettleGroup, Store } from '../src/queue/store.ts';
import { newId } from '../src/runtime/id.ts';

export const RELAY = 'default';
const holder = newId(Date.now());

/** Due at once. */
export function newMessage(n: number, content: Uint8Array, relay = RELAY): NewMessage {
  const now = Date.now();
  const id = newId(now);
  return {
    message: {
      id,
      createdAt: now,
      sender: 'app@example.com',
      messageId: `<${id}@example.com>`,
      subject: `Message ${n} of the measurement`,
      size: content.length,
      eightBit: false,
      smtputf8: false,
      ret: null,
      envelopeId: null,
      priority: 'medium',
      origin: 'smtp',
      reportOn: null,
      key: null,
      tags: [],
      metadata: {},
      retry: null,
      keepContent: true,
      trace: null,
    },
    deliveries: [
      {
        recipient: `user${(n * 7919) % 1_000_003}@example${n % 50}.org`,
        notify: null,
        originalRecipient: null,
        relay,
        dueAt: now,
        expiresAt: now + 432_000_000,
        delayReportAt: null,
        held: null,
      },
    ],
    content: { bytes: content },
  };
}

/** As the relay's 250 ends them. */
export function sent(claims: readonly Claim[]): SettleGroup[] {
  const now = Date.now();
  return claims.map(({ token, deliveries }) => {
    const reply = { code: 250, status: '2.0.0', text: `ok, queued as ${token.slice(0, 12)}` };
    const attempt = { startedAt: now, durationMs: 3, relay: RELAY, outcome: 'sent', reply } as const;
    const settlements = deliveries.map(({ id, ordinal }) => ({
      token,
      id,
      ordinal,
      state: 'sent' as const,
      reason: null,
      dueAt: now,
      giveBack: false,
      reply,
      inDoubt: false,
      delayReported: false,
      attempt,
    }));
    return { settlements, reports: [] };
  });
}

export async function claimSome(store: Store, limit: number, relay = RELAY): Promise<readonly Claim[]> {
  const now = Date.now();
  return (await store.claim({ relay, limit, now, until: now + 60_000, holder })).claims;
}
