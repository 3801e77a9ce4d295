/** A message as an application gives it, and who gets it where it names only a kind of people. */
import type { SendMailOptions } from 'nodemailer';
import type { Config } from '../config/settings.ts';
import { PosthasteError, shown } from '../errors.ts';

/** A message as Nodemailer's `sendMail` takes it. */
export type Mail = SendMailOptions;

/** A message with its text and the same as HTML. */
export type HtmlMail = Mail & { readonly text: Mail['text']; readonly html: Mail['html'] };

/** A message to people whom the settings name. */
export type MailToPeople = Omit<Mail, 'to' | 'cc' | 'bcc'>;

/** Throws OPTION_INVALID for what is no message at all. */
export function checkMail(mail: unknown): asserts mail is Mail {
  if (typeof mail === 'object' && mail !== null && !Array.isArray(mail)) return;
  throw new PosthasteError('OPTION_INVALID', `${shown(mail)} is no message: give { to, subject, text ... }.`);
}

/** Those who read mail as text must not get an empty one. Throws OPTION_INVALID. */
export function withBothBodies(mail: HtmlMail): Mail {
  checkMail(mail);
  for (const body of ['text', 'html'] as const) {
    if (mail[body]) continue;
    throw new PosthasteError('OPTION_INVALID', `The message has no ${body}: sendHtmlMail needs text and html.`);
  }
  return mail;
}

/** From the server, with the prefix in its subject. Throws NO_RECIPIENTS where the settings name nobody. */
export function mailToPeople(people: 'admins' | 'managers', mail: MailToPeople, config: Config): Mail {
  checkMail(mail);
  const to = config[people];
  if (to.length === 0) {
    const text = `Nobody gets this message: the setting ${people} is empty. Name at least one address there.`;
    throw new PosthasteError('NO_RECIPIENTS', text);
  }
  const subject = [config.subjectPrefix, mail.subject].filter((part) => part).join(' ');
  return { ...mail, from: mail.from ?? config.serverEmail, to: [...to], subject };
}
