/** Facts about texts that break things. */
import { describe, expect, test } from 'vitest';
import type { Claim } from '../../../src/queue/store.ts';
import type { Bench } from '../conformance.ts';
import { claimAll, put, sample, settleOne, T } from './samples.ts';

const HOSTILE: readonly (readonly [string, string])[] = [
  ['quotes', `'"\`; DROP TABLE messages; --`],
  ['emoji and marks', 'a😀\u0301\u202e\ufffd'],
  ['lines', 'a\r\nb\tc\u2028'],
  ['placeholders', '? $1 :a @b {set} %_!\\'],
  ['a prototype', '__proto__'],
  ['a NUL', 'a\0b'],
  ['what no character is', 'a\ufdd0\0\ufdd0\ufdd1\ufdd2b'],
  ['10 KB', 'ü'.repeat(5120)],
];

export function hostileFacts(bench: Bench): void {
  describe('texts', () => {
    test.each(HOSTILE)('of %s are kept as they are, everywhere, and found', async (_, text) => {
      const message = sample({
        ...{ subject: text, messageId: `<${text}>`, envelopeId: text, key: text.slice(0, 100), tags: [text] },
        metadata: Object.fromEntries([[text, text]]),
        to: [{ recipient: 'a@x.org', originalRecipient: text, relay: text.slice(0, 100) }],
      });
      await bench.store.insert([message], T);
      const reply = { code: 451, text };
      const attempt = { startedAt: T, durationMs: 1, relay: text, outcome: 'deferred', reply } as const;
      const [claim] = (await claimAll(bench.store, { relay: text.slice(0, 100) })) as [Claim];
      await settleOne(bench.store, claim, { state: 'queued', reply, attempt });
      const found = await bench.store.get(message.message.id);
      expect(found?.message).toEqual(message.message);
      expect(found?.deliveries[0]).toMatchObject({ originalRecipient: text, lastReply: reply });
      expect(found?.attempts).toMatchObject([{ relay: text, reply }]);
      expect(await bench.store.count({ subject: text, messageId: `<${text}>`, tag: text })).toBe(1);
    });

    test('as addresses are kept and found', async () => {
      for (const local of [`o'hara`, '"a b@c"', '用户', '%_', 'x'.repeat(64)]) {
        const address = `${local}@exämple.org`;
        const id = await put(bench.store, { sender: address, to: [address] });
        expect((await bench.store.get(id))?.deliveries[0]?.recipient).toBe(address);
        expect(await bench.store.count({ recipient: address, sender: address })).toBe(1);
      }
      expect(await bench.store.count({ recipient: '@exämple.org' })).toBe(5);
      expect(await bench.store.count({ recipient: '_@exämple.org' })).toBe(0);
    });

    test('of octets of every value are kept as contents', async () => {
      const content = Uint8Array.from({ length: 256 }, (_, i) => i);
      const id = await put(bench.store, { content });
      expect([...((await bench.store.contentChunk(id, 0)) as Uint8Array)]).toEqual([...content]);
    });
  });
}
