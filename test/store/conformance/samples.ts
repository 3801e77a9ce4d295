/** Messages, claims and settlements for the facts about stores. */
import type { Message, NewDelivery, NewMessage } from '../../../src/queue/message.ts';
import type { Claim, ClaimRequest, Settlement, Store } from '../../../src/queue/store.ts';
import { type Id, newId } from '../../../src/runtime/id.ts';

/** The time at which the facts happen. */
export const T = 1_800_000_000_000;
export const LEASE = 60_000;
export const HOLDER = newId(T);

export type MessagePart = Partial<Message> & {
  readonly to?: readonly (string | Partial<NewDelivery>)[];
  readonly content?: Uint8Array;
  readonly stagedChunks?: number;
};

export function sample(part: MessagePart = {}): NewMessage {
  const { to = ['user@example.com'], content = Buffer.from('hello\r\n'), stagedChunks, ...message } = part;
  const id = part.id ?? newId(T);
  return {
    message: {
      id,
      createdAt: T,
      sender: 'app@example.org',
      messageId: `<${id}@example.org>`,
      subject: 'A subject',
      size: content.byteLength,
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
      ...message,
    },
    deliveries: to.map((recipient) => sampleDelivery(typeof recipient === 'string' ? { recipient } : recipient)),
    content: stagedChunks === undefined ? { bytes: content } : { stagedChunks },
  };
}

function sampleDelivery(part: Partial<NewDelivery>): NewDelivery {
  return {
    recipient: 'user@example.com',
    notify: null,
    originalRecipient: null,
    relay: 'default',
    dueAt: T,
    expiresAt: T + 1_000_000,
    delayReportAt: null,
    held: null,
    ...part,
  };
}

/** Inserts one message and answers with its id. */
export async function put(store: Store, part: MessagePart = {}): Promise<Id> {
  const message = sample(part);
  await store.insert([message], T);
  return message.message.id;
}

export function request(part: Partial<ClaimRequest> = {}): ClaimRequest {
  const now = part.now ?? T;
  return { relay: 'default', limit: 100, now, until: now + LEASE, holder: HOLDER, ...part };
}

export async function claimAll(store: Store, part: Partial<ClaimRequest> = {}): Promise<readonly Claim[]> {
  return (await store.claim(request(part))).claims;
}

/** `ID/ordinal` of everything in some claims, in their order. */
export function namesOf(claims: readonly Claim[]): string[] {
  return claims.flatMap((claim) => claim.deliveries.map(({ id, ordinal }) => `${id}/${ordinal}`));
}

export const OK = { code: 250, status: '2.0.0', text: 'taken' };
export const LATER = { code: 451, status: '4.7.1', text: 'come again\nin a while' };

export function settlement(claim: Claim, part: Partial<Settlement> = {}): Settlement {
  const { id, ordinal } = claim.deliveries[0] as Claim['deliveries'][number];
  return {
    token: claim.token,
    id,
    ordinal,
    state: 'sent',
    reason: null,
    dueAt: T,
    giveBack: false,
    reply: OK,
    inDoubt: false,
    delayReported: false,
    attempt: { startedAt: T + 1, durationMs: 20, relay: 'default', outcome: 'sent', reply: OK },
    ...part,
  };
}

/** Settles the first delivery of a claim; true when it took. */
export async function settleOne(store: Store, claim: Claim, part: Partial<Settlement> = {}, now = T): Promise<boolean> {
  const took = await store.settle([{ settlements: [settlement(claim, part)], reports: [] }], now);
  return took[0]?.[0] === true;
}

/** A message whose only delivery has ended as sent at `now`. */
export async function putSent(store: Store, part: MessagePart = {}, now = T): Promise<Id> {
  const id = await put(store, part);
  for (const claim of await claimAll(store, { now: T })) await settleOne(store, claim, {}, now);
  return id;
}

export async function stateOf(store: Store, id: Id, ordinal = 1): Promise<string | undefined> {
  const found = await store.get(id);
  return found?.deliveries.find((delivery) => delivery.ordinal === ordinal)?.state;
}

export async function contentOf(store: Store, id: Id): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  for (let sequence = 0; ; sequence++) {
    const chunk = await store.contentChunk(id, sequence);
    if (chunk === null) break;
    chunks.push(chunk);
  }
  return chunks.length === 0 ? null : Buffer.concat(chunks).toString();
}
