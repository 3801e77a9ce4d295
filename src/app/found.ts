/** A message as an application sees it. */
import type { Attempt, Delivery } from '../queue/delivery.ts';
import type { Message } from '../queue/message.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import type { App } from './open.ts';
import { Outlook } from './outlook.ts';

/** A delivery with the answer to "why has it not been sent?" in one sentence. */
export interface ExplainedDelivery extends Delivery {
  readonly why: string;
}

/** All that is known of a message but its content. */
export interface FoundMessage {
  readonly message: Message;
  readonly deliveries: readonly ExplainedDelivery[];
  /** Oldest first. */
  readonly attempts: readonly Attempt[];
  readonly contentKept: boolean;
}

export async function getExplained({ store, queue, config }: App, id: Id): Promise<FoundMessage | null> {
  const found = await queue.get(id);
  if (found === null) return null;
  const outlook = await Outlook.of(store, config, systemClock.now());
  return { ...found, deliveries: found.deliveries.map((delivery) => ({ ...delivery, why: outlook.why(delivery) })) };
}
