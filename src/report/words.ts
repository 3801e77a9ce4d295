/** What a report says to people. */
import { printable, showReply } from '../mail/reply.ts';
import { inWords } from '../runtime/elapsed.ts';
import type { Reported, ReportInput } from './owed.ts';

/** `Delivery failed: <subject>`: the worst of what happened comes first. */
export function reportSubject({ recipients, message }: Pick<ReportInput, 'recipients' | 'message'>): string {
  const actions = new Set(recipients.map((recipient) => recipient.action));
  const about = printable(message.subject ?? '(no subject)');
  if (actions.has('failed')) return `Delivery failed: ${about}`;
  if (actions.has('delayed')) return `Delivery delayed: ${about}`;
  return `Delivered to a relay: ${about}`;
}

/** The recipient, what happened, and what was said, each on a line. */
export function actionSentence(reported: Reported): string[] {
  const { delivery, action, reply, remote, expired, doubt } = reported;
  const who = reply.ours === true ? 'posthaste says' : `${remote ?? 'The relay'} said`;
  const said = `${who}${expired === null ? '' : ' last'}: ${showReply(reply)}`;
  const name = `<${printable(delivery.recipient)}>`;
  if (action === 'failed')
    return [
      `${name}: your message could not be delivered${limitOf(reported)}, and no further attempt is made.`,
      `  ${said}`,
      ...(doubt
        ? ['  It may have arrived all the same: an attempt ended before the answer to the whole message came.']
        : []),
    ];
  if (action === 'delayed') {
    const until = new Date(delivery.expiresAt).toUTCString();
    return [
      `${name}: your message is delayed; it is tried again until ${until}. You need not send it again.`,
      `  ${said}`,
    ];
  }
  return [`${name}: your message was handed to a relay that sends no reports of delivery.`, `  ${said}`];
}

function limitOf({ expired, delivery: { attempts, createdAt, expiresAt } }: Reported): string {
  if (expired === 'time') return ` within ${inWords(expiresAt - createdAt)}`;
  return expired === 'attempts' ? ` in ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}` : '';
}

/** 5.4.7 where the time was over; else the reply's own where its class fits the action, or the general one (RFC 3463). */
export function statusOf({ action, reply, expired }: Reported): string {
  if (expired === 'time') return '5.4.7';
  const wanted = { failed: '5', delayed: '4', relayed: '2' }[action];
  const given = reply.status;
  if (given === undefined) return `${wanted}.0.0`;
  return given.startsWith(wanted) ? given : `${wanted}${given.slice(1)}`;
}
