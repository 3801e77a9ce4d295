/** What a report says to people. */
import { printable, type Reply, showReply } from '../mail/reply.ts';
import type { ReportAction } from '../queue/settle.ts';
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
export function actionSentence({ delivery, action, reply, remote }: Reported): string[] {
  const said = remote === null ? `posthaste says: ${showReply(reply)}` : `${remote} said: ${showReply(reply)}`;
  const name = `<${printable(delivery.recipient)}>`;
  if (action === 'failed')
    return [`${name}: your message could not be delivered, and no further attempt is made.`, `  ${said}`];
  if (action === 'delayed') {
    const until = new Date(delivery.expiresAt).toUTCString();
    return [
      `${name}: your message is delayed; it is tried again until ${until}. You need not send it again.`,
      `  ${said}`,
    ];
  }
  return [`${name}: your message was handed to a relay that sends no reports of delivery.`, `  ${said}`];
}

/** The enhanced status of a report: the reply's own where its class fits the action, else the general one (RFC 3463). */
export function statusOf(action: ReportAction, reply: Reply): string {
  const wanted = { failed: '5', delayed: '4', relayed: '2' }[action];
  const given = reply.status;
  if (given === undefined) return `${wanted}.0.0`;
  return given.startsWith(wanted) ? given : `${wanted}${given.slice(1)}`;
}
