/** The way in for Nodemailer: a transport that puts rendered messages into the queue and answers when they are durable. */
import type { Readable } from 'node:stream';
import type { Transport } from 'nodemailer';
import { PosthasteError } from '../errors.ts';
import { addressFault, domainOf, needsSmtpUtf8 } from '../mail/address.ts';
import type { Envelope } from '../mail/envelope.ts';
import { showReply } from '../mail/reply.ts';
import type { Inserted } from '../queue/store.ts';
import { envelopeRejection } from './accept.ts';
import { checkContents } from './contents.ts';
import { type Wishes, wishesIn } from './dsn-wishes.ts';
import { generatedIn, givenHeaders, type MailMessage } from './generated.ts';
import { Intake, type IntakeContext, type IntakeQueue, type SubmissionDetails } from './intake.ts';
import { KeyDigest } from './key-digest.ts';
import { checkAddresses, checkSender } from './lost-recipients.ts';
import { isMessageTooLarge, isRejection, type Rejection, STORE_FAILED, TOO_MANY_RECIPIENTS } from './rejections.ts';
import { releaseStreams } from './streams.ts';
import { makeLinesWhole } from './whole-lines.ts';

/** What `sendMail` answers with. What the relay says comes later. */
export interface QueuedInfo {
  /** The queue id: what `get` and the commands take. */
  readonly id: string;
  /** A message with the same key was there before; `id` is that one's. */
  readonly duplicate: boolean;
  /** With its angle brackets. */
  readonly messageId: string;
  readonly envelope: { from: string | false; to: string[] };
  readonly accepted: string[];
  /** Recipients that are suppressed: the message is kept, and nothing is sent to them. */
  readonly rejected: string[];
  readonly pending: string[];
  /** As the SMTP listener would say it. */
  readonly response: string;
}

/** A queue for one message. */
export interface MessageQueue extends IntakeQueue {
  /** Why the message could not be kept. */
  readonly failure: unknown;
}

export interface TransportParts {
  readonly intake: IntakeContext;
  /** The package's. */
  readonly version: string;
  /** For messages without a From. */
  readonly defaultFrom: string | null;
  /** Fails where a message could not be kept now. */
  readonly verify: () => Promise<void>;
  /** Reads what else the message asks of the queue from its data; what it throws fails the message. */
  readonly detailsOf: (data: MailMessage['data']) => Promise<SubmissionDetails>;
  /** The queue that a message names, in place of the one of `intake`; what it throws fails the message. */
  readonly queueFor: (data: MailMessage['data']) => Promise<MessageQueue | undefined>;
}

export function nodemailerTransport(parts: TransportParts): Transport<QueuedInfo> {
  return {
    name: 'posthaste',
    version: parts.version,
    send(mail, callback) {
      queueMail(parts, mail).then(
        (info) => callback(null, info),
        (error: unknown) => {
          // Nodemailer itself does so since version 10 only.
          releaseStreams(mail.data);
          callback(error as Error);
        },
      );
    },
    verify(callback?: (error: Error | null, success?: true) => void) {
      const verified = parts.verify().then(() => true as const);
      if (callback === undefined) return verified;
      verified.then(
        () => callback(null, true),
        (error: unknown) => callback(error as Error),
      );
    },
    isIdle: () => true,
    close() {},
  };
}

async function queueMail(
  { intake: context, defaultFrom, detailsOf, queueFor }: TransportParts,
  mail: MailMessage,
): Promise<QueuedInfo> {
  checkContents(mail.data);
  const wishes = wishesIn(mail.data);
  const details = await detailsOf(mail.data);
  const queue = await queueFor(mail.data);
  if (defaultFrom !== null) addFrom(mail, defaultFrom);
  checkAddresses(mail.data);
  const { from, to } = mail.message.getEnvelope();
  if (!from) checkNullSender(mail.data);
  const envelope = envelopeOf(from, to, wishes);
  const rejection = envelopeRejection(envelope, context.limits);
  if (rejection !== undefined) throw refusal(rejection, envelope);
  makeLinesWhole(mail);
  const own = queue === undefined ? context : { ...context, queue };
  const intake = new Intake(own, { envelope, origin: 'library', from: null, details });
  const digest = details.key === undefined ? undefined : new KeyDigest(envelope, generatedIn(mail));
  const result = await take(intake, mail.message.createReadStream(), digest);
  if (isRejection(result)) throw queue?.failure ?? refusal(result, envelope, intake.failure);
  return queuedInfo({ messageId: intake.messageId, envelope: { from, to } }, result, details.key ?? null);
}

/** What the submitter of a message hears. Throws KEY_CONFLICT. */
export function queuedInfo(
  { messageId, envelope }: Pick<QueuedInfo, 'messageId' | 'envelope'>,
  { id, duplicate, first, suppressed = [] }: Inserted,
  key: string | null,
): QueuedInfo {
  if (first?.differs) throw keyConflict(key, id);
  return {
    id,
    duplicate,
    messageId: first?.messageId ?? messageId,
    envelope,
    accepted: envelope.to.filter((address) => !suppressed.includes(address)),
    rejected: [...suppressed],
    pending: [],
    response: `250 2.0.0 queued as ${id}`,
  };
}

/** Nodemailer took the domain of the Message-ID from the sender that was not there. */
function addFrom({ data, message }: MailMessage, from: string): void {
  if (data.raw || message.getHeader('From')) return;
  message.setHeader('From', from);
  const sender = message.getEnvelope().from;
  const given = data.messageId || givenHeaders(data.headers).has('message-id');
  if (given || !sender) return;
  message.setHeader('Message-ID', message.messageId().replace(/@[^@>]*>$/, `@${domainOf(sender)}>`));
}

/** The content of a stream that fails is dropped, and the failure is the sender's to hear. */
async function take(intake: Intake, stream: Readable, digest: KeyDigest | undefined): Promise<Inserted | Rejection> {
  try {
    for await (const chunk of stream) {
      digest?.push(chunk as Buffer);
      await intake.write(chunk as Buffer);
    }
  } catch (error) {
    await intake.abort();
    throw error;
  }
  return intake.finish(digest?.value());
}

/** Nobody would hear of a failure of what has the null sender, and few relays take what has no From: an envelope of its own says that it is meant. */
function checkNullSender(data: MailMessage['data']): void {
  checkSender(data);
  if (data.envelope || data.raw) return;
  const text =
    'The message has no sender: give from, or the setting defaultFrom. The null sender is envelope: { from: false, to }.';
  throw new PosthasteError('ADDRESS_INVALID', text);
}

function keyConflict(key: string | null, id: string): PosthasteError {
  const name = JSON.stringify(key);
  const text = `The key ${name} belongs to message ${id}, whose content or recipients are others: give each message a key of its own.`;
  return new PosthasteError('KEY_CONFLICT', text, { id });
}

function envelopeOf(from: string | false, to: readonly string[], { ofMessage, ofRecipients }: Wishes): Envelope {
  return {
    sender: from || null,
    recipients: to.map((address) => ({ address, ...ofRecipients })),
    ...ofMessage,
    smtputf8: [...to, from || ''].some(needsSmtpUtf8),
  };
}

/** A refusal in the words of the library's errors. */
function refusal(rejection: Rejection, { recipients, sender }: Envelope, failure?: unknown): PosthasteError {
  const text = showReply(rejection);
  if (rejection === STORE_FAILED) {
    const why = failure instanceof Error ? failure.message : text;
    const doubt = failure instanceof PosthasteError && failure.inDoubt === true;
    const kept = doubt ? 'Whether the message was kept is not known' : 'The message was not kept';
    return new PosthasteError('STORE_UNAVAILABLE', `${kept}: ${why}`, {
      cause: failure,
      ...(doubt && { inDoubt: doubt }),
    });
  }
  if (isMessageTooLarge(rejection)) return new PosthasteError('MESSAGE_TOO_LARGE', `The message is refused: ${text}`);
  if (rejection === TOO_MANY_RECIPIENTS) {
    return new PosthasteError('TOO_MANY_RECIPIENTS', `The message has ${recipients.length} recipients: ${text}`);
  }
  if (recipients.length === 0) {
    return new PosthasteError('NO_RECIPIENTS', 'The message has no recipients: name at least one in to, cc or bcc.');
  }
  if (rejection.status.startsWith('5.1.')) {
    const addresses = [...(sender === null ? [] : [sender]), ...recipients.map(({ address }) => address)];
    const bad = addresses.find((address) => addressFault(address) !== undefined) ?? '';
    return new PosthasteError('ADDRESS_INVALID', `The address ${JSON.stringify(bad)} is refused: ${text}`);
  }
  return new PosthasteError('MESSAGE_REFUSED', `The message is refused: ${text}`);
}
