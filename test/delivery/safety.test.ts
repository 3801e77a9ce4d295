/** A test system that sends only what somebody lets go. */
import { expect, test } from 'vitest';
import { Stage } from '../support/delivery.ts';

test.each([
  ['holdAll', { holdAll: true }, 'hold-all'],
  ['an allow list without the recipient', { allow: ['@ours.example'] }, 'not-allowed'],
] as const)(
  'under %s mail is held, and of two messages the one that is released is sent',
  async (_, safety, reason) => {
    await using stage = await Stage.open({ safety });
    const [first, second] = [await stage.submit(), await stage.submit()];
    await stage.once();
    expect(stage.relay.connections).toEqual([]);
    await stage.queue.release({ ids: [first] });
    await stage.once();
    expect((await stage.get(first)).deliveries[0]).toMatchObject({ state: 'sent', attempts: 1 });
    expect((await stage.get(second)).deliveries[0]).toMatchObject({ state: 'held', reason });
    expect(stage.relay.received).toHaveLength(1);
  },
);
