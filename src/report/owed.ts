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
  /** The relay said `reply`; false: posthaste said it for want of an answer. */
  readonly remote: string | null;
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
