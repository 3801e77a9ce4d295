/** What a worker has claimed and not yet begun, while its leases are renewed. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import type { Outcome } from '../../src/mail/outcome.ts';
import { newId } from '../../src/runtime/id.ts';
import type { Transport } from '../../src/transport/transport.ts';
import { Stage } from '../support/delivery.ts';

const LEASE = 3_000;

/** One at a time, and each takes until it is let go. */
function patient(): { readonly transport: Transport; readonly begun: Promise<void>; letGo(): void } {
  const { promise: gate, resolve: letGo } = Promise.withResolvers<void>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const transport: Transport = {
    concurrency: 1,
    async send({ recipients }): Promise<readonly Outcome[]> {
      begin();
      await gate;
      return recipients.map(() => ({ kind: 'sent', reply: { code: 250, text: 'ok' } }));
    },
    close: () => Promise.resolve(),
  };
  return { transport, begun, letGo };
}

test('what is claimed while leases are being renewed is sent all the same', async () => {
  const { transport, begun, letGo } = patient();
  await using stage = await Stage.open({ transport, lease: LEASE });
  await stage.submit();
  await stage.work();
  await begun;
  // They are due at the moment at which the lease of the first one is renewed.
  const sendAt = stage.clock.now() + LEASE / 3;
  const ids = await Promise.all(['one', 'two'].map((subject) => stage.submit({ subject, sendAt })));
  stage.clock.moveTo(sendAt);
  while ((await stage.store.counts(sendAt)).states.sending < 3) await turn();
  // Rides in the same transaction as the renewal, or in a later one.
  await stage.store.forgetNode(newId(sendAt));
  await turn();
  letGo();
  await stage.log.until('sent', 3);
  const found = await Promise.all(ids.map((id) => stage.get(id)));
  expect(found.flatMap(({ deliveries }) => deliveries.map(({ state, attempts }) => [state, attempts]))).toEqual([
    ['sent', 1],
    ['sent', 1],
  ]);
});

test('who has lost the store begins nothing after the end of its leases: others may have sent it', async () => {
  const { transport, begun, letGo } = patient();
  const send = vi.spyOn(transport, 'send');
  await using stage = await Stage.open({ transport, lease: LEASE });
  await Promise.all(['one', 'two'].map((subject) => stage.submit({ subject })));
  await stage.work();
  await begun;
  await stage.store.close();
  stage.clock.moveTo(stage.clock.now() + LEASE);
  letGo();
  await stage.log.until('the end of an attempt could not be written');
  await stage.log.until('leases ran out before attempts began');
  expect(send).toHaveBeenCalledTimes(1);
});
