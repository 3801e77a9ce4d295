/** The way in for Nodemailer: a transport that puts rendered messages into the queue and answers when they are durable. */
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { Transport } from 'nodemailer';
import { PosthasteError } from '../errors.ts';
import { needsSmtpUtf8 } from '../mail/address.ts';
import type { Envelope, Notify } from '../mail/envelope.ts';
import { showReply } from '../mail/reply.ts';
import { overrideFault } from '../queue/schedule.ts';
import type { Inserted } from '../queue/store.ts';
import { envelopeRejection } from './accept.ts';
import { Intake, type IntakeContext, type SubmissionDetails } from './intake.ts';
import { isRejection, MESSAGE_TOO_LARGE, type Rejection, STORE_FAILED, TOO_MANY_RECIPIENTS } from './rejections.ts';

/** What Nodemailer hands to a transport, as far as it is used here. */
type MailMessage = Parameters<Transport['send']>[0];

/** What `sendMail` answers with. Nothing is rejected by then: what the relay says comes later. */
export interface QueuedInfo {
  /** The queue id: what `get` and the commands take. */
  readonly id: string;
  /** A message with the same key was there before; `id` is that one's. */
  readonly duplicate: boolean;
  /** With its angle brackets. */
  readonly messageId: string;
  readonly envelope: { from: string | false; to: string[] };
  readonly accepted: string[];
  readonly rejected: string[];
  readonly pending: string[];
  /** As the SMTP listener would say it. */
  readonly response: string;
}

/** `detailsOf` reads what else the message asks of the queue from its data; what it throws fails the message. */
export function nodemailerTransport(
  context: IntakeContext,
  version: string,
  detailsOf: (data: MailMessage['data']) => SubmissionDetails,
): Transport<QueuedInfo> {
  return {
    name: 'posthaste',
    version,
    send(mail, callback) {
      queueMail(context, mail, detailsOf).then(
        (info) => callback(null, info),
        (error: unknown) => {
          mail.releaseStreams();
          callback(error as Error);
        },
      );
    },
    verify(callback?: (error: null, success: true) => void) {
      // The store was opened before this transport could be made.
      if (callback === undefined) return Promise.resolve(true);
      callback(null, true);
    },
    isIdle: () => true,
    close() {},
  };
}

async function queueMail(
  context: IntakeContext,
  mail: MailMessage,
  detailsOf: (data: MailMessage['data']) => SubmissionDetails,
): Promise<QueuedInfo> {
  const details = detailsOf(mail.data);
  const fault = details.retry && overrideFault(details.retry);
  if (fault !== undefined) throw new PosthasteError('RETRY_INVALID', fault);
  const { from, to } = mail.message.getEnvelope();
  const envelope = envelopeOf(from, to, mail.data.dsn);
  const rejection = envelopeRejection(envelope, context.limits);
  if (rejection !== undefined) throw refusal(rejection, envelope);
  const intake = new Intake(context, { envelope, origin: 'library', from: null, details });
  const result = await take(intake, mail.message.createReadStream());
  if (isRejection(result)) throw refusal(result, envelope);
  return {
    ...result,
    messageId: mail.message.messageId(),
    envelope: { from, to },
    accepted: to,
    rejected: [],
    pending: [],
    response: `250 2.0.0 queued as ${result.id}`,
  };
}

/** The content of a stream that fails is dropped, and the failure is the sender's to hear. */
async function take(intake: Intake, stream: Readable): Promise<Inserted | Rejection> {
  try {
    for await (const chunk of stream) await intake.write(chunk as Buffer);
  } catch (error) {
    await intake.abort();
    throw error;
  } finally {
    if (!stream.closed && stream.destroyed) await once(stream, 'close');
  }
  return intake.finish();
}

interface DsnOptions {
  readonly id?: string | undefined;
  readonly return?: string | undefined;
  readonly notify?: string | readonly string[] | undefined;
}

function envelopeOf(from: string | false, to: readonly string[], dsn: unknown): Envelope {
  const { id, return: ret, notify } = (typeof dsn === 'object' && dsn !== null ? dsn : {}) as DsnOptions;
  const wanted = typeof notify === 'string' ? notify.split(',') : (notify ?? []);
  const words = wanted.map((word) => word.trim().toLowerCase() as Notify);
  const returned = ret?.toLowerCase();
  return {
    sender: from || null,
    recipients: to.map((address) => ({ address, ...(words.length > 0 && { notify: words }) })),
    ...(returned !== undefined && { ret: returned.startsWith('h') ? 'hdrs' : 'full' }),
    ...(id !== undefined && { envelopeId: xtext(id) }),
    smtputf8: [...to, from || ''].some(needsSmtpUtf8),
  };
}

/** RFC 3461 4: what is not printable ASCII, `+` and `=` go as `+` and two hexadecimal digits. */
function xtext(text: string): string {
  const escaped = (octet: number): string => `+${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  return Array.from(Buffer.from(text), (octet) => {
    const plain = octet > 32 && octet < 127 && octet !== 0x2b && octet !== 0x3d;
    return plain ? String.fromCharCode(octet) : escaped(octet);
  }).join('');
}

/** A refusal in the words of the library's errors. */
function refusal(rejection: Rejection, { recipients, sender }: Envelope): PosthasteError {
  const text = showReply(rejection);
  if (rejection === STORE_FAILED) return new PosthasteError('STORE_UNAVAILABLE', `The message was not kept: ${text}`);
  if (rejection === MESSAGE_TOO_LARGE)
    return new PosthasteError('MESSAGE_TOO_LARGE', `The message is refused: ${text}`);
  if (rejection === TOO_MANY_RECIPIENTS) {
    return new PosthasteError('TOO_MANY_RECIPIENTS', `The message has ${recipients.length} recipients: ${text}`);
  }
  if (recipients.length === 0) {
    return new PosthasteError('NO_RECIPIENTS', 'The message has no recipients: name at least one in to, cc or bcc.');
  }
  if (rejection.status.startsWith('5.1.')) {
    const addresses = [sender ?? '<>', ...recipients.map(({ address }) => address)].join(', ');
    return new PosthasteError('ADDRESS_INVALID', `The message from and to ${addresses} is refused: ${text}`);
  }
  return new PosthasteError('MESSAGE_REFUSED', `The message is refused: ${text}`);
}
