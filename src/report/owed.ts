/** What a report is made from: the message, and those of its recipients about whom the sender is owed word. */
import type { Reply } from '../mail/reply.ts';
import type { Delivery } from '../queue/delivery.ts';
import type { Message } from '../queue/message.ts';
import type { ReportAction } from '../queue/settle.ts';
import type { Instant } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';

/** One recipient's line in a report. */
export interface Reported {
  readonly delivery: Delivery;
  readonly action: ReportAction;
  readonly reply: Reply;
  /** The host that was spoken to; null: none was, or it has no name. What it said is `reply`, unless that is ours. */
  readonly remote: string | null;
  /** Given up because its time or its attempts were over, and not for `reply`, which is what was said last. */
  readonly expired: 'time' | 'attempts' | null;
  /** An attempt ended before the relay answered: it may have arrived. */
  readonly doubt: boolean;
}

export interface ReportInput {
  /** The report's own queue id. */
  readonly id: Id;
  readonly message: Message;
  /** All recipients this report is about; one report for one message and moment. */
  readonly recipients: readonly Reported[];
  /** The original, whole or at least its header; null when it is gone. */
  readonly original: Uint8Array | null;
  /** This host's name, for Reporting-MTA and the From address. */
  readonly hostname: string;
  readonly now: Instant;
}
