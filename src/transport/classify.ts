/** What a reply means: one table from the place in the dialogue, code, enhanced status and text to outcome and scope. */
import type { Outcome, Scope } from '../mail/outcome.ts';
import type { Reply } from '../mail/reply.ts';

/**
 * Where in the dialogue a reply came. `dot` is the reply to the end of data. For replies of our own about a connection that
 * broke: `lost` before any content went out, `cut` while content went out or after its final dot.
 */
export type Stage =
  | 'connect'
  | 'tls'
  | 'greeting'
  | 'ehlo'
  | 'auth'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'dot'
  | 'lost'
  | 'cut';

export const STAGES: readonly Stage[] = [
  'connect',
  'tls',
  'greeting',
  'ehlo',
  'auth',
  'mail',
  'rcpt',
  'data',
  'dot',
  'lost',
  'cut',
];

/** `by-code`: 4xx is deferred, 5xx is refused. */
export type Verdict =
  | { readonly kind: 'sent' }
  | { readonly kind: 'deferred'; readonly scope: Scope }
  | { readonly kind: 'refused' | 'by-code'; readonly scope: 'message' | 'recipient' };

/** A row of the table. Every condition that is given must hold. */
export interface Rule {
  readonly name: string;
  /** Absent: any. */
  readonly stages?: readonly Stage[];
  /** Codes, or their first digits: 421, or 45, or 5. */
  readonly codes?: readonly number[];
  readonly status?: RegExp;
  /** Tried on the text without its line breaks. */
  readonly text?: RegExp;
  readonly verdict: Verdict;
  /** What it means, for people, and what to do where they can do something. */
  readonly reason: string;
}

const RELAY: Verdict = { kind: 'deferred', scope: 'relay' };

/** The first row that fits decides. Rows about the relay come first: they would meet every message, so none may bounce for them. */
export const RULES: readonly Rule[] = [
  {
    name: 'closing',
    codes: [421],
    verdict: RELAY,
    reason:
      'The relay is closing the connection (RFC 5321 3.8). It will be tried again after a pause; what meets this alone, while other mail is taken, waits alone.',
  },
  {
    name: 'way',
    stages: ['connect', 'tls', 'greeting', 'ehlo'],
    verdict: RELAY,
    reason: 'The relay cannot be reached or does not want to talk now. No message is to blame.',
  },
  {
    name: 'login',
    stages: ['auth'],
    verdict: RELAY,
    reason: 'The relay did not accept the login. Check user name and password of the relay; mail waits meanwhile.',
  },
  {
    name: 'lost',
    stages: ['lost'],
    verdict: RELAY,
    reason: 'The connection broke before any content went out. Nothing was handed over.',
  },
  {
    name: 'cut',
    stages: ['cut'],
    verdict: { kind: 'deferred', scope: 'message' },
    reason:
      'The connection broke while the content went out, or before its final reply came. The content may be why, so it alone waits.',
  },
  {
    name: 'sent',
    stages: ['dot'],
    codes: [2],
    verdict: { kind: 'sent' },
    reason: 'The relay took responsibility for the message.',
  },
  {
    name: 'login-demanded',
    codes: [530, 534, 535, 538, 432, 454],
    verdict: RELAY,
    reason:
      'The relay demands a login, another kind of login, or encryption (RFC 4954 6). Check the credentials and TLS settings of the relay.',
  },
  {
    name: 'login-demanded-by-text',
    codes: [50, 55],
    text: /\bauth(?:entication)? (?:is )?(?:required|first)\b|\bauth(?:enticate)? command must\b|\bmust (?:first )?authenticate\b|\bnot authenticated\b/i,
    verdict: RELAY,
    reason: 'The relay demands a login. Give the relay user name and password.',
  },
  {
    name: 'login-status',
    status: /^[45]\.7\.(?:8|9|10|11|12|13|14|30|57)$/,
    verdict: RELAY,
    reason:
      'The relay does not accept this account or this way to log in (RFC 5248). Check the account at the provider.',
  },
  {
    name: 'account-quota',
    status: /^5\.4\.5$|^5\.7\.705$/,
    verdict: RELAY,
    reason: 'The account has used up what it may send. Mail waits until the provider lets it send again.',
  },
  {
    name: 'relaying-denied',
    stages: ['mail', 'rcpt', 'data', 'dot'],
    codes: [5],
    text: /\brelay(?:ing)? (?:access )?(?:is )?(?:denied|not (?:allowed|permitted)|prohibited|disallowed)\b|\b(?:unable|not (?:allowed|permitted|authori[sz]ed)) to relay\b/i,
    verdict: RELAY,
    reason:
      'The relay does not pass on mail for this machine or this login. Check the login, or have this machine allowed there; what meets this alone, while other mail is taken, waits alone.',
  },
  {
    name: 'recipient-account',
    stages: ['rcpt'],
    status: /^[45]\.[12]\./,
    verdict: { kind: 'by-code', scope: 'recipient' },
    reason: "The reply is about the recipient's mailbox.",
  },
  {
    name: 'recipient-account-by-text',
    stages: ['rcpt'],
    text: /\b(?:recipient|mailbox|tried to reach)\b/i,
    verdict: { kind: 'by-code', scope: 'recipient' },
    reason: "The reply is about the recipient's mailbox.",
  },
  {
    name: 'account-suspended',
    stages: ['mail', 'data', 'dot'],
    text: /\b(?:account|user|sender|domain|subscription)\b.{0,40}\b(?:suspended|disabled|deactivated|not (?:yet )?activated)\b/i,
    verdict: RELAY,
    reason: 'The account at the relay may not send. Ask the provider; mail waits meanwhile.',
  },
  {
    // Narrower than the row above: to RCPT, "user disabled" is about the recipient, who must not stop everybody's mail.
    name: 'account-suspended-at-rcpt',
    stages: ['rcpt'],
    text: /(?:^|\b(?:your|sender|sending|smtp|relay)\b.{0,20}\b)account\b.{0,40}\b(?:suspended|disabled|deactivated|not (?:yet )?activated)\b/i,
    verdict: RELAY,
    reason: 'The account at the relay may not send. Ask the provider; mail waits meanwhile.',
  },
  {
    name: 'account-stopped',
    stages: ['mail', 'rcpt', 'data', 'dot'],
    codes: [5],
    text: /\b(?:suspended|disabled|paused|blocked)\b.{0,20}\b(?:for|on) (?:this|your)(?: \w+){0,3} account\b|\baccount (?:is|has been|was) (?:\w+ )?(?:paused|blocked|locked|banned|terminated|restricted)\b|\bbad outbound sender\b|\bunusual sending activity\b|\bspam abuse detected\b/i,
    verdict: RELAY,
    reason: 'The account at the relay may not send. Ask the provider; mail waits meanwhile.',
  },
  {
    name: 'account-quota-by-text',
    stages: ['mail', 'rcpt', 'data', 'dot'],
    codes: [5],
    text: /\b(?:hourly|daily|weekly|monthly|sending|messaging)\b.{0,40}\b(?:quota|limit)s?\b.{0,40}\b(?:exceeded|reached)\b|\b(?:exceeded|reached)\b.{0,20}\b(?:hourly|daily|weekly|monthly|sending|messaging)\b.{0,20}\b(?:quota|limit)s?\b|\bexceeded\b.{0,20}\bmax(?:imum)? .{0,40}\bper (?:hour|day|month)\b/i,
    verdict: RELAY,
    reason: 'The account has used up what it may send. Mail waits until the provider lets it send again.',
  },
  {
    name: 'client-blocked',
    text: /\bclient host\b.*\b(?:blocked|rejected)\b|\bblocked using\b|\bbanned sending ip\b|\bnot accepted from this ip\b|\b(?:ip|client)(?: address)? .{0,60}\b(?:blocked|blacklisted|blocklisted)\b/i,
    verdict: RELAY,
    reason:
      'The relay does not take mail from the address of this machine. Ask the provider, or use a relay that knows you.',
  },
  {
    name: 'too-many-recipients',
    stages: ['rcpt'],
    status: /^[45]\.5\.3$/,
    verdict: { kind: 'deferred', scope: 'recipient' },
    reason: 'The relay takes no more recipients in this transaction; the rest go with another (RFC 5321 4.5.3.1.10).',
  },
  {
    name: 'too-many-recipients-by-text',
    stages: ['rcpt'],
    text: /\btoo many (?:recipients|rcpts?)\b/i,
    verdict: { kind: 'deferred', scope: 'recipient' },
    reason: 'The relay takes no more recipients in this transaction; the rest go with another (RFC 5321 4.5.3.1.10).',
  },
  {
    name: 'confused',
    codes: [500, 502, 503],
    verdict: { kind: 'deferred', scope: 'message' },
    reason: 'The relay did not understand a command, or not at this point. That says nothing about the message.',
  },
  {
    name: 'recipient',
    stages: ['rcpt'],
    codes: [4, 5],
    verdict: { kind: 'by-code', scope: 'recipient' },
    reason: 'The relay said this about the recipient.',
  },
  {
    name: 'message',
    stages: ['mail', 'data', 'dot'],
    codes: [4, 5],
    verdict: { kind: 'by-code', scope: 'message' },
    reason: 'The relay said this about the sender, the size or the content.',
  },
  {
    name: 'unknown',
    verdict: { kind: 'deferred', scope: 'message' },
    reason: 'Nobody knows what this means here, so nothing is given up for it.',
  },
];

/** An outcome with the row that decided. */
export type Classified = Outcome & { readonly rule: string };

/** The row of the table that fits. Rows of one's own go before the others: `[...own, ...RULES]`. */
export function findRule(stage: Stage, reply: Reply, rules: readonly Rule[] = RULES): Rule {
  const text = reply.text.replaceAll('\n', ' ');
  const rule = rules.find((candidate) => fits(candidate, stage, reply, text));
  return rule ?? (RULES.at(-1) as Rule);
}

/** What a reply means at that place in the dialogue. */
export function classify(stage: Stage, reply: Reply, rules: readonly Rule[] = RULES): Classified {
  const { name, verdict } = findRule(stage, reply, rules);
  return { ...outcomeOf(verdict, reply), rule: name };
}

/** The relay took as many recipients as it takes at once, and this one was not among them. */
export function isTooMany(outcome: Outcome | undefined): boolean {
  return outcome !== undefined && 'rule' in outcome && /^too-many-recipients/.test(String(outcome.rule));
}

function outcomeOf(verdict: Verdict, reply: Reply): Outcome {
  if (verdict.kind === 'sent') return { kind: 'sent', reply };
  if (verdict.kind === 'deferred') return { kind: 'deferred', scope: verdict.scope, reply, inDoubt: false };
  const refused = verdict.kind === 'refused' || reply.code >= 500;
  if (refused) return { kind: 'refused', scope: verdict.scope, reply };
  return { kind: 'deferred', scope: verdict.scope, reply, inDoubt: false };
}

function fits(rule: Rule, stage: Stage, reply: Reply, text: string): boolean {
  if (rule.stages && !rule.stages.includes(stage)) return false;
  if (rule.codes && !rule.codes.some((code) => String(reply.code).startsWith(String(code)))) return false;
  if (rule.status && !rule.status.test(reply.status ?? '')) return false;
  return rule.text?.test(text) ?? true;
}
