/** What a Nodemailer transport says of a message that it sent, as an outcome for each recipient. */
import { addressKey } from '../mail/address.ts';
import type { Recipient } from '../mail/envelope.ts';
import type { Outcome } from '../mail/outcome.ts';
import { type Reply, replyFromLines } from '../mail/reply.ts';
import { classify, type Rule } from './classify.ts';

/** Plugins write these as they like, so nothing of them is taken for granted. */
export type Said = Readonly<Record<string, unknown>>;

/** Recipients by their address as it may come back: another case, and the domain in ASCII. */
type Named = ReadonlyMap<string, Outcome>;

/**
 * Everybody is sent whom it does not name as rejected: transports to an API name nobody. Those that are pending it keeps trying by
 * itself, which is not what we call sent.
 */
export function sentOutcomes(recipients: readonly Recipient[], info: unknown, rules?: readonly Rule[]): Outcome[] {
  const said = asSaid(info);
  const others = new Map([
    ...listed(said.pending, pendingReply, rules),
    ...listed(said.rejected, rejectedReply, rules),
    ...rejections(said, rules),
  ]);
  const sent: Outcome = { kind: 'sent', reply: sentReply(said) };
  return outcomesOf(recipients, others, sent);
}

export function outcomesOf(recipients: readonly Recipient[], named: Named, rest: Outcome): Outcome[] {
  return recipients.map(({ address }) => named.get(addressKey(address)) ?? rest);
}

/** `rejectedErrors`: an error with its reply for each recipient that was refused. */
export function rejections(said: Said, rules?: readonly Rule[]): Named {
  const found = new Map<string, Outcome>();
  for (const error of asList(said.rejectedErrors).map(asSaid)) {
    const reply = replyOf(error);
    if (typeof error.recipient === 'string' && reply !== undefined)
      found.set(addressKey(error.recipient), classify('rcpt', reply, rules));
  }
  return found;
}

/** The reply of a server in an error or an info: `responseCode` and `response`; undefined where there is none. */
export function replyOf(said: Said): Reply | undefined {
  const text = typeof said.response === 'string' ? said.response : '';
  const code = Number(said.responseCode ?? /^\d{3}(?=[ -]|$)/.exec(text)?.[0]);
  if (!Number.isInteger(code) || code < 200 || code > 599) return undefined;
  const lines = text.split(/\r?\n/).map((line) => line.replace(/^\d{3}(?:[ -]|$)/, ''));
  return replyFromLines(code, lines);
}

export function asSaid(value: unknown): Said {
  return typeof value === 'object' && value !== null ? (value as Said) : {};
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

const pendingReply: Reply = { code: 450, status: '4.0.0', text: 'the transport says that this recipient is pending' };
/** Without a reply nobody knows whether it is for good. */
const rejectedReply: Reply = {
  code: 450,
  status: '4.0.0',
  text: 'the transport rejected this recipient and gave no reply',
};

function listed(value: unknown, reply: Reply, rules?: readonly Rule[]): [string, Outcome][] {
  return asList(value).map((entry) => {
    const address = typeof entry === 'string' ? entry : String(asSaid(entry).address ?? asSaid(entry).recipient ?? '');
    return [addressKey(address), classify('rcpt', reply, rules)];
  });
}

function sentReply(said: Said): Reply {
  const reply = replyOf(said);
  if (reply !== undefined && reply.code < 300) return reply;
  const text = [said.response, said.messageId].find((value) => typeof value === 'string' && value !== '');
  return { code: 250, status: '2.0.0', text: typeof text === 'string' ? text : 'sent' };
}
