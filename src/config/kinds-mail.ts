/** The kinds of values that messages of an application take. */
import { isAddress } from '../mail/address.ts';
import { type Kind, list } from './kinds.ts';
import { read } from './schema.ts';

/** A mailbox with or without a name, as it may stand in From and To (RFC 5322 3.4). */
export const mailbox: Kind<string, string> = {
  schema: read((value) => {
    if (typeof value !== 'string') return undefined;
    const text = value.trim();
    const named = /^([^<>\p{Cc}]+?)\s*<([^<>]+)>$/u.exec(text);
    return isAddress(named?.[2] ?? text) ? text : undefined;
  }),
  placeholder: 'mailbox',
  allowed:
    'a mail address such as ann@example.com, or one with a name such as Ann <ann@example.com>; a name with a comma stands in quotes, as "Doe, Ann" <ann@example.com>',
  show: (value) => value,
};

/** Several of them, with commas between them in text; a comma in a quoted name ends none (RFC 5322 3.2.4): an even number of quotes follows the others. */
export const mailboxes = list(mailbox, /,(?=(?:[^"]*"[^"]*")*[^"]*$)/);
