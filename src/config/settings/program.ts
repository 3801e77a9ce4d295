/** Settings of what becomes of old mail, of hooks, of applications and of the program itself. */
import * as hooks from '../hooks.ts';
import * as kinds from '../kinds.ts';
import * as mail from '../kinds-mail.ts';
import * as relay from '../kinds-relay.ts';
import { DAY, HOUR, MINUTE, setting } from '../setting.ts';
import * as shapes from '../shapes.ts';

export const program = {
  keepContent: setting({
    group: 'Retention',
    kind: relay.yesNo,
    standard: true,
    sentence:
      'Whether the content of a message stays when every delivery has ended; without it, recipients, subject and attempts stay known, but nothing can be sent again.',
  }),
  retainSent: setting({
    group: 'Retention',
    kind: kinds.orWord(kinds.duration, 'forever'),
    standard: 7 * DAY,
    sentence: 'How long a message is kept after it was sent.',
  }),
  retainBounced: setting({
    group: 'Retention',
    kind: kinds.orWord(kinds.duration, 'forever'),
    standard: 30 * DAY,
    sentence: 'How long a message is kept after it was given up; longer, because somebody may want to send it yet.',
  }),
  retainCaptured: setting({
    group: 'Retention',
    kind: kinds.orWord(kinds.duration, 'forever'),
    standard: 7 * DAY,
    sentence: 'How long a message is kept after it was captured.',
  }),
  retainCancelled: setting({
    group: 'Retention',
    kind: kinds.orWord(kinds.duration, 'forever'),
    standard: 7 * DAY,
    sentence: 'How long a message is kept after it was cancelled.',
  }),
  retainAudit: setting({
    group: 'Retention',
    kind: kinds.orWord(kinds.duration, 'forever'),
    standard: 90 * DAY,
    sentence: 'How long the audit trail tells who changed what (`posthaste audit`).',
  }),

  webhooks: setting({
    group: 'Webhooks',
    kind: shapes.webhooks,
    standard: {},
    standardText: 'none',
    secret: true,
    fileOnly: true,
    sentence: 'Addresses that are told over HTTP what becomes of mail, by name: [webhooks](#a-webhook).',
  }),

  beforeSend: setting({
    group: 'Hooks',
    kind: hooks.beforeSend,
    standard: null,
    fileOnly: true,
    sentence:
      'Is called with each message before each attempt; an exception, or an answer that takes longer than 30 s, defers that message alone.',
  }),
  onDeliveryError: setting({
    group: 'Hooks',
    kind: hooks.onDeliveryError,
    standard: null,
    fileOnly: true,
    sentence:
      'Is called with each failure of an attempt, and may answer within 30 s what it counts as: `sent`, `deferred` or `refused`; an exception, or a later answer, defers that one.',
  }),
  onRelayChange: setting({
    group: 'Hooks',
    kind: hooks.onRelayChange,
    standard: null,
    fileOnly: true,
    sentence: 'Is called when a relay is paused for its faults, with each probe that fails, and when it is well again.',
  }),

  defaultFrom: setting({
    group: 'Application',
    kind: kinds.orWord(mail.mailbox, 'none'),
    standard: null,
    sentence: 'The From of messages from the library that have none.',
  }),
  serverEmail: setting({
    group: 'Application',
    kind: mail.mailbox,
    standard: (_, { before }) => String(before('defaultFrom') ?? `posthaste@${before('hostname')}`),
    standardText: '`defaultFrom`, else `posthaste@` with the host name',
    sentence: 'The From of messages to admins and managers.',
  }),
  admins: setting({
    group: 'Application',
    kind: mail.mailboxes,
    standard: [],
    standardText: 'none',
    sentence: 'Who gets the messages of `mailAdmins()`, as `ann@example.com` or `Ann <ann@example.com>`.',
  }),
  managers: setting({
    group: 'Application',
    kind: mail.mailboxes,
    standard: [],
    standardText: 'none',
    sentence: 'Who gets the messages of `mailManagers()`.',
  }),
  subjectPrefix: setting({
    group: 'Application',
    kind: kinds.orWord(kinds.text, 'none'),
    standard: (_, { before }) => `[${before('hostname')}]`,
    standardText: 'the host name in square brackets',
    sentence: 'Stands before the subject of messages to admins and managers.',
  }),

  admin: setting({
    group: 'Program',
    kind: kinds.orWord(kinds.hostPort, 'off'),
    standard: { host: '127.0.0.1', port: 8025 },
    sentence:
      'Address and port of the HTTP server: the API, metrics, and `/livez` and `/readyz`, which tell all who reach it whether mail can be taken, and if not which check failed; wider than loopback only with `adminUsers` or `adminViewers`.',
  }),
  adminUsers: setting({
    group: 'Program',
    kind: kinds.list(kinds.user, /\s+/),
    standard: [],
    standardText: 'none',
    secret: true,
    sentence:
      'Who may log in at the HTTP server, see everything and change it, as `name:password` or `name:scrypt...`; without these and `adminViewers`, whoever reaches it may.',
  }),
  adminViewers: setting({
    group: 'Program',
    kind: kinds.list(kinds.user, /\s+/),
    standard: [],
    standardText: 'none',
    secret: true,
    sentence: 'Who may log in at the HTTP server and see everything, but change nothing.',
  }),
  adminHosts: setting({
    group: 'Program',
    kind: kinds.list(kinds.hostName, /[\s,]+/),
    standard: [],
    standardText: 'none',
    sentence:
      'More names under which the HTTP server may be called, beside its addresses, `localhost` and the host name: any other may be the trick of a web page (DNS rebinding).',
  }),
  metrics: setting({
    group: 'Program',
    kind: kinds.orWord(kinds.hostPort, 'off'),
    standard: null,
    sentence:
      'Address and port where `posthaste work` answers `/metrics`, `/livez` and `/readyz` and nothing else, with the logins of `admin`; `posthaste serve` has them there.',
  }),
  alertWebhook: setting({
    group: 'Program',
    kind: kinds.orWord(kinds.webUrl, 'none'),
    standard: null,
    secret: true,
    sentence:
      'Where a server posts [alerts](operating.md#alerts): once when something is wrong that makes mail wait, and once when it is over.',
  }),
  alertCommand: setting({
    group: 'Program',
    kind: kinds.orWord(kinds.path, 'none'),
    standard: null,
    sentence: 'The path of a program that a server runs for each alert, with the alert as JSON on its standard input.',
  }),
  alertSilence: setting({
    group: 'Program',
    kind: kinds.orWord(kinds.durationFrom(MINUTE), 'never'),
    standard: 15 * MINUTE,
    sentence: 'For how long nothing may be delivered while mail waits before it is an alert.',
  }),
  alertAge: setting({
    group: 'Program',
    kind: kinds.orWord(kinds.durationFrom(MINUTE), 'never'),
    standard: HOUR,
    sentence: 'For how long the oldest delivery may have been due before it is an alert.',
  }),
  logLevel: setting({
    group: 'Program',
    kind: kinds.choice('debug', 'info', 'warn', 'error', 'silent'),
    standard: 'info',
    sentence: 'The least that is logged.',
  }),
  logFormat: setting({
    group: 'Program',
    kind: kinds.choice('auto', 'json', 'pretty'),
    standard: 'auto',
    sentence: 'JSON for programs, pretty for people; `auto` is pretty on a terminal and JSON otherwise.',
  }),
} as const;
