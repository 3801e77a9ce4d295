/** The report that some deliveries of one message owe its sender now, signed where a key fits, ready for the store. */
import type { Message, NewMessage } from '../queue/message.ts';
import type { Draft, Queue } from '../queue/queue.ts';
import { composeReport, MAX_RETURNED } from '../report/dsn.ts';
import type { Reported } from '../report/owed.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import type { Log } from '../runtime/log.ts';

/** What reports are made with. */
export interface ReportParts {
  readonly queue: Queue;
  readonly clock: Clock;
  readonly log: Log;
  /** This host's name: the domain of the reports' From. */
  readonly hostname: string;
  /** Signs a content as accepted mail is signed; gives it back as it was where no key fits. Absent: nothing is signed. */
  readonly sign?: ((content: Uint8Array) => Promise<Uint8Array>) | undefined;
}

/** null where nobody is owed one. It is part of the message's own trace. `content`: the message's, where it is at hand already. */
export async function reportOn(
  parts: ReportParts,
  message: Message,
  recipients: readonly Reported[],
  content?: Uint8Array,
): Promise<NewMessage | null> {
  if (recipients.length === 0 || message.sender === null) return null;
  const { queue, clock, hostname } = parts;
  const now = clock.now();
  const original = content ?? (await originalOf(queue, message.id));
  const draft = composeReport({ id: queue.newId(), message, recipients, original, hostname, now });
  return draft === null ? null : queue.compose(await signed(parts, draft), message.trace);
}

/** The whole original where it is small enough to be returned, else as much as holds its header. */
async function originalOf(queue: Queue, id: Id): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of queue.content(id)) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_RETURNED) break;
  }
  return chunks.length === 0 ? null : Buffer.concat(chunks);
}

/** A report without a signature is better than none, and than a delivery that cannot be settled for the want of it. */
async function signed({ sign, log }: ReportParts, draft: Draft): Promise<Draft> {
  if (sign === undefined || !('bytes' in draft.content)) return draft;
  try {
    const bytes = await sign(draft.content.bytes);
    return { ...draft, content: { bytes }, size: bytes.length };
  } catch (error) {
    log.error({ id: draft.id, err: error }, 'a report could not be signed and goes out without a signature');
    return draft;
  }
}
