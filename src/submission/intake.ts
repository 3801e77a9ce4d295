/** Takes one message's content as a stream, checks and completes it on the way, and makes it durable in the queue. */
import { mailDate } from '../mail/date.ts';
import type { Envelope } from '../mail/envelope.ts';
import { showReply } from '../mail/reply.ts';
import type { NewContent, Origin } from '../queue/message.ts';
import type { Draft, Queue } from '../queue/queue.ts';
import type { Inserted } from '../queue/store.ts';
import type { Clock, Instant } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import type { Log } from '../runtime/log.ts';
import type { AcceptLimits } from './accept.ts';
import type { ContentSignature, Signer } from './dkim.ts';
import { HeaderFilter } from './header-filter.ts';
import { type BareLf, LineEnds, type LineFault } from './line-ends.ts';
import { idsIn, type ReceivedFrom, receivedField } from './received.ts';
import {
  ABORTED,
  BARE_CR,
  BARE_LF,
  headerTooLarge,
  isRejection,
  messageTooLarge,
  NUL_OCTET,
  OWN_MAIL,
  type Rejection,
  STORE_FAILED,
  TOO_MANY_HOPS,
  TOOK_TOO_LONG,
} from './rejections.ts';
import { Spool } from './spool.ts';

/** All that a way in needs of the queue. */
export type IntakeQueue = Pick<Queue, 'newId' | 'submit' | 'stage' | 'unstage' | 'cancel'>;

export interface IntakeContext {
  readonly queue: IntakeQueue;
  readonly clock: Clock;
  readonly log: Log;
  /** Our own name, for Received fields and for the Message-IDs that we make. */
  readonly hostname: string;
  readonly limits: AcceptLimits;
  readonly bareLf: BareLf;
  /** Names in lower case of the header fields by which routes choose a relay. */
  readonly routedHeaders?: readonly string[];
  /** With it, mail of the domains that it has keys for is signed: what is stored is what every attempt sends. */
  readonly signer?: Signer | undefined;
  /** Finds mail of ours that comes back while it is being sent: only what comes over a network can. */
  readonly relayOfLoop?: Queue['relayOfLoop'] | undefined;
}

export interface Submission {
  readonly envelope: Envelope;
  readonly origin: Origin;
  /** The client; null where there was none. */
  readonly from: ReceivedFrom | null;
  /** What else the way in knows: priority, times, key, tags. */
  readonly details?: SubmissionDetails;
}

export type SubmissionDetails = Omit<
  Draft,
  'id' | 'envelope' | 'content' | 'size' | 'eightBit' | 'messageId' | 'subject' | 'headers' | 'origin' | 'keyDigest'
>;

/**
 * A client stops waiting for the reply to its final dot after 10 minutes (RFC 5321 4.5.3.2.6), many long before, and will send
 * again: a message that was stored so late would be a copy too many.
 */
const MAX_ACCEPTANCE_MS = 5 * 60_000;

const LINE_FAULTS: Readonly<Record<LineFault, Rejection>> = { cr: BARE_CR, lf: BARE_LF, nul: NUL_OCTET };

export class Intake {
  readonly id: Id;
  readonly #context: IntakeContext;
  readonly #submission: Submission;
  readonly #lineEnds: LineEnds;
  readonly #header: HeaderFilter;
  readonly #spool: Spool;
  readonly #signature: ContentSignature | undefined;
  #received = 0;
  #failure: unknown;
  #rejection: Rejection | undefined;

  constructor(context: IntakeContext, submission: Submission) {
    const now = context.clock.now();
    this.#context = context;
    this.#submission = submission;
    this.id = context.queue.newId();
    this.#lineEnds = new LineEnds(context.bareLf);
    const missing = { date: `Date: ${mailDate(now)}\r\n`, messageId: `Message-ID: ${this.#ownMessageId()}\r\n` };
    this.#header = new HeaderFilter(missing, context.routedHeaders);
    this.#spool = new Spool(context.queue, this.id);
    this.#signature = context.signer?.begin();
    this.#keepTrace(this.#trace(now));
  }

  /** The signature comes below the Received field, whose last line leads it. */
  #keepTrace(trace: string): void {
    const split = this.#signature === undefined ? trace.length : trace.lastIndexOf('\t');
    void this.#spool.keep(Buffer.from(trace.slice(0, split)));
    if (split < trace.length) this.#spool.leaveGap(Buffer.from(trace.slice(split)));
  }

  /** As it is kept; known once the header has come. */
  get messageId(): string {
    return this.#header.messageId ?? this.#ownMessageId();
  }

  #ownMessageId(): string {
    return `<${this.id}@${this.#context.hostname}>`;
  }

  #trace(now: Instant): string {
    const { recipients } = this.#submission.envelope;
    const recipient = recipients.length === 1 ? recipients[0]?.address : undefined;
    return receivedField(this.#submission.from, { hostname: this.#context.hostname, id: this.id, recipient, now });
  }

  /**
   * The next octets of the content as the client meant them. What it returns, if anything, must be awaited before the next call:
   * that is the backpressure. It never fails: a fault shows in what `finish` says, and the rest of the content is dropped.
   */
  write(bytes: Buffer): Promise<unknown> | undefined {
    if (this.#rejection !== undefined) return;
    this.#received += bytes.length;
    const checked = this.#lineEnds.push(bytes);
    const pieces = this.#header.push(checked);
    const fault = this.#fault();
    return fault === undefined ? this.#keep(pieces, 0) : this.#refuse(fault);
  }

  #fault(): Rejection | undefined {
    const { limits } = this.#context;
    if (this.#received > limits.maxMessageSize) return messageTooLarge(limits.maxMessageSize);
    if (this.#lineEnds.fault !== undefined) return LINE_FAULTS[this.#lineEnds.fault];
    if (this.#header.size > limits.maxHeaderSize) return headerTooLarge(limits.maxHeaderSize);
    if (this.#header.hops >= limits.maxHops) return TOO_MANY_HOPS;
    return undefined;
  }

  /** Waits only where the spool does, so that a small message costs no promise for each piece. */
  #keep(pieces: readonly Buffer[], first: number): Promise<unknown> | undefined {
    for (let i = first; i < pieces.length; i++) {
      const piece = pieces[i] as Buffer;
      this.#signature?.push(piece);
      const wait = this.#spool.keep(piece);
      if (wait !== undefined) {
        return wait.then(
          () => this.#keep(pieces, i + 1),
          (error: unknown) => this.#storeFailed(error),
        );
      }
    }
  }

  /**
   * The end of the content: resolves when the message is durable, or with the reason why it is not. Never fails. `keyDigest` is known
   * only now: it is of the content too.
   */
  async finish(keyDigest?: Uint8Array): Promise<Inserted | Rejection> {
    const ended = this.#context.clock.now();
    const result = this.#rejection ?? (await this.#flush()) ?? (await this.#submit(ended, keyDigest));
    if (isRejection(result)) this.#logRefused(result);
    return result;
  }

  /** What was held back until the content was whole. */
  async #flush(): Promise<Rejection | undefined> {
    this.#lineEnds.end();
    const fault = this.#fault();
    await (fault === undefined ? this.#keep(this.#header.end(), 0) : this.#refuse(fault));
    return this.#rejection;
  }

  async #submit(ended: Instant, keyDigest: Uint8Array | undefined): Promise<Inserted | Rejection> {
    try {
      const content = await this.#spool.content(await this.#signature?.field());
      if (this.#late(ended)) return await this.#refuse(TOOK_TOO_LONG);
      const draft = { ...this.#draft(content), ...(keyDigest !== undefined && { keyDigest }) };
      if (await this.#isOwn(draft)) return await this.#refuse(OWN_MAIL);
      const inserted = await this.#context.queue.submit(draft);
      return this.#late(ended) ? await this.#withdraw(inserted) : inserted;
    } catch (error) {
      return this.#storeFailed(error);
    }
  }

  /** Our own Received field with the id of a message that is on its way to the same recipient by the same relay just now. */
  async #isOwn(draft: Draft): Promise<boolean> {
    const { relayOfLoop } = this.#context;
    const ids = relayOfLoop === undefined ? [] : idsIn(this.#header.traces);
    const relay = ids.length === 0 ? null : ((await relayOfLoop?.(draft, ids)) ?? null);
    if (relay !== null)
      this.#context.log.error(
        { relay, ids },
        'mail loop: the relay leads back here, look at the settings relay and listen',
      );
    return relay !== null;
  }

  #draft(content: NewContent): Draft {
    return {
      ...this.#submission.details,
      id: this.id,
      envelope: this.#submission.envelope,
      content,
      size: this.#spool.size,
      eightBit: this.#spool.eightBit,
      messageId: this.messageId,
      subject: this.#header.subject,
      headers: this.#header.headers,
      origin: this.#submission.origin,
    };
  }

  #late(ended: Instant): boolean {
    return this.#context.clock.now() - ended > MAX_ACCEPTANCE_MS;
  }

  /**
   * Takes a late message back. When a worker was faster, the message is on its way and the client had better know; a duplicate is
   * the first message, which was in time.
   */
  async #withdraw(inserted: Inserted): Promise<Inserted | Rejection> {
    if (inserted.duplicate) return inserted;
    const cancelled = await this.#context.queue.cancel({ ids: [inserted.id] });
    return cancelled > 0 ? TOOK_TOO_LONG : inserted;
  }

  /** All of a content, then its end. A source that fails leaves nothing behind, and its failure is the caller's to hear. */
  async take(source: AsyncIterable<Buffer>): Promise<Inserted | Rejection> {
    try {
      for await (const bytes of source) await this.write(bytes);
    } catch (error) {
      await this.abort();
      throw error;
    }
    return this.finish();
  }

  /** With STORE_FAILED: why. Clients are not told; who sits at this machine may be. */
  get failure(): unknown {
    return this.#failure;
  }

  /** The content will not end: drops what was kept. May come at any time but while `finish` is under way. */
  async abort(): Promise<void> {
    await this.#refuse(ABORTED);
  }

  async #refuse(rejection: Rejection): Promise<Rejection> {
    this.#rejection ??= rejection;
    try {
      await this.#spool.drop();
    } catch (error) {
      this.#context.log.warn({ id: this.id, error: String(error) }, 'staged content left behind');
    }
    return this.#rejection;
  }

  #storeFailed(error: unknown): Promise<Rejection> {
    this.#failure = error;
    this.#context.log.error({ id: this.id, error: String(error) }, 'message not stored');
    return this.#refuse(STORE_FAILED);
  }

  #logRefused(rejection: Rejection): void {
    const { envelope, from: client } = this.#submission;
    const to = envelope.recipients.map((recipient) => recipient.address);
    const told = { from: envelope.sender ?? '<>', to, reply: showReply(rejection) };
    const where = client === null ? {} : { client: client.address };
    this.#context.log.info({ id: this.id, ...where, ...told }, 'message refused');
  }
}
