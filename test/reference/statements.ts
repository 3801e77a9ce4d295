/** What django-mailer 2.3.2 does, statement by statement, and which of our tests shows the counterpart here. `not`: its quirk is not copied, and the tests show that. */

export interface Statement {
  readonly says: string;
  readonly not?: true;
  /** `file: title of a test in it`. */
  readonly tests?: readonly string[];
  /** Where there is nothing to test, why. */
  readonly reason?: string;
}

const pace = 'test/delivery/pace.test.ts';
const cron = 'test/e2e/cron.test.ts';
const submit = 'test/library/submit.test.ts';
const queue = 'test/library/queue.test.ts';
const outcomes = 'test/delivery/outcomes.test.ts';
const outage = 'test/delivery/outage.test.ts';
const suppression = 'test/e2e/suppression.test.ts';
const claim = 'test/store/conformance/claim.ts';
const purge = 'test/cli/purge.test.ts';
const hooks = 'test/delivery/hooks.test.ts';
const transactions = 'test/transactions/conformance.ts';

export const STATEMENTS: Readonly<Record<number, Statement>> = {
  1: {
    says: 'mail is kept in a database and sent later',
    tests: [`${queue}: keeps the message, says why it waits, and lets it go once somebody works`],
  },
  2: {
    says: 'attachments are kept, of any size',
    tests: [
      'test/store/conformance/insert.ts: keeps an empty content and one of a megabyte',
      'test/sendmail/large.test.ts: is taken with less than 150 MB of memory, of which Node.js has a third',
    ],
  },
  3: {
    says: 'SQLite is not recommended, it says "database is locked"',
    not: true,
    tests: [
      'test/store/conformance/shared.ts: claim disjoint sets under load, and all of it',
      `${cron}: shares the work with runs beside it: each message goes once`,
    ],
  },
  4: {
    says: 'three cron lines: send, retry, purge',
    tests: [
      'test/reference/django-mailer.test.ts: the three lines of docs/cron.md do what they say, and print nothing',
    ],
  },
  5: {
    says: 'a provider that is down loses no mail; mail is part of the transaction',
    tests: [
      'test/e2e/outage.test.ts: mail is taken, survives kill -9, and arrives once when the relay is back',
      `${transactions}: keeps its mail for itself until it is committed, which sends it`,
    ],
  },
  6: {
    says: 'one send call keeps one message and sends nothing',
    tests: [`${submit}: sendMail keeps one message and sends nothing`],
  },
  7: {
    says: 'a mass send keeps n messages, in batches',
    tests: [
      `${submit}: keeps thousands from an async iterable and answers for each in order`,
      `${submit}: has no more than batchSize messages under way, and reads no further`,
    ],
  },
  8: {
    says: 'the call answers with the number',
    tests: [`${submit}: sendMassMail keeps all of its messages with their order and addresses and says how many`],
  },
  9: {
    says: 'the backend gives medium priority and no other',
    not: true,
    tests: [`${queue}: gives the queue what a message asks of it`],
  },
  10: {
    says: 'order and addresses are kept',
    tests: [`${submit}: sendMassMail keeps all of its messages with their order and addresses and says how many`],
  },
  11: {
    says: 'non-ASCII survives',
    tests: [`${queue}: keeps the message, says why it waits, and lets it go once somebody works`],
  },
  12: {
    says: 'send_html_mail: text first, HTML as an alternative, headers',
    tests: [
      `${submit}: sendHtmlMail has the text as its main part and the HTML as an alternative, with headers of its own`,
    ],
  },
  13: {
    says: 'mail_admins and mail_managers, without priority',
    tests: [
      `${submit}: mailAdmins and mailManagers write to those people, from the server, with the prefix and a priority`,
    ],
  },
  14: {
    says: 'no priority is medium, an unknown one an error',
    tests: [
      `${pace}: twelve messages of three priorities, interleaved, go high, medium, low, and first in first out inside each`,
      `${queue}: fails with %s, and keeps nothing`,
    ],
  },
  15: {
    says: 'some arguments are accepted and ignored',
    not: true,
    tests: [`${submit}: %j are refused with what is allowed`],
  },
  16: {
    says: 'lazy strings are forced at enqueue',
    tests: ['test/library/misuse.test.ts: whose texts become such late has those that they are when it is submitted'],
  },
  17: {
    says: 'make_message builds an unsaved message that may be replaced',
    tests: [`${transactions}: takes mail that was prepared before it began, and again when it is run again`],
  },
  18: {
    says: 'not visible before the commit, gone on rollback',
    tests: [
      `${transactions}: keeps its mail for itself until it is committed, which sends it`,
      `${transactions}: takes its mail with it when it is rolled back, a large content too`,
    ],
  },
  19: {
    says: 'strict priority, then oldest first',
    tests: [
      `${pace}: twelve messages of three priorities, interleaved, go high, medium, low, and first in first out inside each`,
      `${claim}: goes by priority, then due time, then id; deferred ones wait for a person`,
    ],
  },
  20: {
    says: 'deferred ones are never selected',
    tests: [`${claim}: goes by priority, then due time, then id; deferred ones wait for a person`],
  },
  21: {
    says: 'the whole set is loaded at once',
    not: true,
    tests: [
      'test/e2e/memory.test.ts: are all accepted within 300 MB of memory',
      `${claim}: with a limit takes no more, over many messages`,
    ],
  },
  22: {
    says: 'exactly the given messages can be sent, deferred ones too',
    tests: [
      'test/cli/commands.test.ts: by id: hold, release, cancel and retry',
      'test/library/select.test.ts: takes an id, ids or a filter',
    ],
  },
  23: {
    says: 'an empty set means all',
    not: true,
    tests: [
      'test/library/select.test.ts: of no ids changes nothing',
      'test/cli/commands.test.ts: without ids, filter or --all, it is not said what',
    ],
  },
  24: {
    says: 'sent by the backend, row deleted, success logged',
    tests: [
      `${queue}: keeps the message, says why it waits, and lets it go once somebody works`,
      'test/store/conformance/settle.ts: writes what it says and one line of the log',
    ],
  },
  25: {
    says: 'one connection for a run, a new one after a failure',
    tests: [
      'test/smtp/client-pool.test.ts: one is enough for messages that come one after the other',
      'test/smtp/client-pool.test.ts: an idle one that has died is replaced without anybody noticing',
      `${outage}: with 10,000 messages waiting sees a few connections, no message loses an attempt, and all arrive when it is back`,
    ],
  },
  26: {
    says: 'a message that another worker has is skipped',
    tests: [
      `${claim}: never gives the same delivery twice to callers at the same time`,
      `${cron}: shares the work with runs beside it: each message goes once`,
    ],
  },
  27: {
    says: 'the transaction stays open during SMTP',
    not: true,
    tests: [`${queue}: holds no transaction while it talks to a relay: others write to the database meanwhile`],
  },
  28: {
    says: 'after a crash the message goes again, unmarked',
    not: true,
    tests: [
      'test/crash/kill.test.ts: posthaste delivers everything that it acknowledged',
      `${outcomes}: is recorded and shown, and the same bytes go again`,
    ],
  },
  29: {
    says: 'the Message-ID is made at send time, so a retry has a new one',
    not: true,
    tests: [`${outcomes}: is tried again for the deferred recipient alone, with the same bytes`],
  },
  30: {
    says: 'changes by the backend are stored',
    not: true,
    tests: ['test/e2e/exact.test.ts: a missing Date and Message-ID are added, and a Bcc field is removed'],
  },
  31: {
    says: 'no recipients left: logged as sent',
    not: true,
    tests: [
      `${suppression}: a message of which all recipients are suppressed ends as suppressed, never sent, and says since when and why`,
    ],
  },
  32: {
    says: 'unreadable data is discarded without a log',
    not: true,
    tests: [`${outcomes}: defers that message alone`],
  },
  33: {
    says: 'the queue as its own upstream is a configuration error',
    tests: [
      'src/config/relay-checks.test.ts: is refused where it listens on',
      'test/e2e/loop.test.ts: a relay that leads back is found at the first round: the message bounces, and the log names both settings',
    ],
  },
  34: {
    says: 'at the end a line with sent, deferred and duration',
    tests: [`${cron}: says at the end, where that is asked for, what was sent and what was deferred`],
  },
  35: {
    says: 'a failure defers, with a log row',
    tests: [
      'test/store/conformance/settle.ts: writes what it says and one line of the log',
      `${pace}: leave what failed for the time being until somebody asks, with its priority, and say so`,
    ],
  },
  36: {
    says: 'deferred mail waits for retry_deferred',
    tests: [
      `${pace}: leave what failed for the time being until somebody asks, with its priority, and say so`,
      `${cron}: retry --deferred sends what waits, also where retries are manual, and is quiet when asked to be`,
    ],
  },
  37: {
    says: 'which exceptions defer',
    tests: ['test/delivery/matrix.test.ts: the table has every fault at every place'],
  },
  38: {
    says: 'any other exception stops the run: the poison message',
    not: true,
    tests: [
      `${hooks}: that throws defers that message alone`,
      'test/delivery/poison.test.ts: that has met the message alone through a night holds nobody up: new mail is sent at once',
    ],
  },
  39: {
    says: 'such an exception ends the worker thread alone, which nobody sees',
    not: true,
    tests: [
      'test/e2e/stray-errors.test.ts: an exception that nobody caught ends serve with one line',
      `${hooks}: that throws defers that message alone`,
    ],
  },
  40: {
    says: 'an error handler answers sent or deferred',
    tests: [`${hooks}: leaves a refused delivery`, `${hooks}: cannot hide a fault of the relay`],
  },
  41: {
    says: 'an outage defers every message one by one',
    not: true,
    tests: [
      `${outage}: with 10,000 messages waiting sees a few connections, no message loses an attempt, and all arrive when it is back`,
    ],
  },
  42: {
    says: 'recipients refused beside accepted ones are lost',
    not: true,
    tests: [`${outcomes}: with three recipients taken, refused and deferred ends in three states with three replies`],
  },
  43: {
    says: 'retry counts, up to a limit; the priority becomes medium',
    not: true,
    tests: [
      `${pace}: end after the last attempt as bounced, with a report, and not before`,
      `${pace}: leave what failed for the time being until somebody asks, with its priority, and say so`,
      `${cron}: take the limits of a round as options`,
    ],
  },
  44: {
    says: 'exhausted mail stays deferred for ever',
    not: true,
    tests: [
      `${pace}: end after the last attempt as bounced, with a report, and not before`,
      `${pace}: that never come leave it to its age, at which it bounces with a report`,
    ],
  },
  45: {
    says: 'MAX_BATCH 2 of 3 sends 2, and counts successes',
    tests: [
      `${pace}: 2 of 3 are sent, the third by the next run`,
      `${pace}: counts what was sent, and neither what bounced nor what was deferred`,
    ],
  },
  46: {
    says: 'MAX_DEFERRED 2 of 5 leaves 3 untouched, with a warning',
    tests: [`${pace}: 2 of 5 that fail are deferred, 3 are not touched, and the next run delivers them`],
  },
  47: {
    says: 'THROTTLE pauses, after the last too',
    not: true,
    tests: [`${pace}: waits between two messages, and not after the last`],
  },
  48: {
    says: 'no pause between batches in runmailer',
    not: true,
    tests: [`${pace}: in a worker that goes on, the next batch comes after the pause`],
  },
  49: {
    says: 'a file lock with a path and a wait',
    tests: [
      `${cron}: keeps a second run from doing anything, which says so by its exit code alone`,
      `${cron}: is waited for as long as lockWait says, and let go with the end of a run`,
    ],
  },
  50: {
    says: 'locked: nothing is selected',
    tests: [`${cron}: keeps a second run from doing anything, which says so by its exit code alone`],
  },
  51: { says: 'the lock is released when the run raises', tests: [`${cron}: of a run that failed is let go`] },
  52: {
    says: 'without the lock neither taken nor released',
    tests: [`${cron}: is neither taken nor heeded with --no-lock`],
  },
  53: {
    says: 'a killed process leaves its lock',
    not: true,
    tests: [`${cron}: of a killed process is gone with it, though its file is there`],
  },
  54: {
    says: 'runmailer spins while the lock is held',
    not: true,
    reason: 'only work --once takes a lock; it waits for it by the clock',
  },
  55: {
    says: 'the loop sleeps while nothing is due',
    tests: [
      'test/e2e/work.test.ts: posthaste work delivers what others submit, until it is told to stop',
      'test/delivery/outage.test.ts: opens one connection for its first probe, however many messages wait',
    ],
  },
  56: {
    says: 'send_mail is one pass',
    tests: [`${cron}: is quiet where nothing waits, where all is sent, and where mail is deferred`],
  },
  57: {
    says: 'PAUSE_SEND stops one command only',
    not: true,
    tests: [`${cron}: pause --all stops work --once, work, serve and the library, and resume --all lets all go on`],
  },
  58: {
    says: 'retry_deferred says how many',
    tests: [`${cron}: retry --deferred sends what waits, also where retries are manual, and is quiet when asked to be`],
  },
  59: {
    says: 'purge by result and age',
    tests: [
      `${purge}: forgets by result, and what came to several ends with all`,
      `${purge}: runs that overlap purge each message once`,
    ],
  },
  60: {
    says: 'runmailer says that it runs',
    tests: ['test/e2e/work.test.ts: posthaste work delivers what others submit, until it is told to stop'],
  },
  61: {
    says: 'runmailer_pg hears of new mail, and ends in order',
    tests: [
      'test/store/network.test.ts: wakes those who listen when another process has committed work, and not the one who wrote',
      'test/e2e/work.test.ts: posthaste work delivers what others submit, until it is told to stop',
      'test/e2e/signals.test.ts: lets an attempt finish, writes it down, and exits with 0',
    ],
  },
  62: {
    says: 'each attempt is one row of the log',
    tests: ['test/store/conformance/settle.ts: logs the tries of a delivery in their order'],
  },
  63: {
    says: 'contents may be left out of the log',
    tests: [
      'test/library/content.test.ts: the content goes when the message was sent; who it was for and what about stays',
    ],
  },
  64: {
    says: 'without content there are no recipients and no subject',
    not: true,
    tests: [
      'test/library/content.test.ts: the content goes when the message was sent; who it was for and what about stays',
    ],
  },
  65: {
    says: 'messages and log rows in one line',
    tests: ['test/cli/commands.test.ts: send prints the queue id, and list shows a delivery for each recipient'],
  },
  66: {
    says: 'stored data is read as it was written',
    tests: ['test/store/conformance/insert.ts: keeps every field of a message and its deliveries'],
  },
  67: {
    says: '"don\'t send" is a result that is never written',
    not: true,
    tests: [
      `${suppression}: a message of which all recipients are suppressed ends as suppressed, never sent, and says since when and why`,
    ],
  },
  68: {
    says: 'attempts are not linked to their message',
    not: true,
    tests: ['test/cli/commands.test.ts: tells envelope, state and why it waits, to people and programs'],
  },
  69: {
    says: '"don\'t send" is without case, in some functions, never for cc',
    not: true,
    tests: [
      `${suppression}: the library, Nodemailer, SMTP and send: to, cc and bcc get nothing once they are suppressed`,
    ],
  },
  70: {
    says: 'the admin lists queue and log, and searches by Message-ID only',
    not: true,
    tests: [
      'test/cli/commands.test.ts: filters and limits choose',
      'test/library/select.test.ts: by each field',
      'test/pages/messages.test.ts: finds by what is written and chosen, and the address says it',
      'test/pages/message.test.ts: shows HTML, text, source, header and attachments',
    ],
  },
};

/** Every setting of django-mailer 2.3.2. */
export const SETTINGS = [
  'MAILER_EMAIL_BACKEND',
  'MAILER_EMPTY_QUEUE_SLEEP',
  'MAILER_LOCK_WAIT_TIMEOUT',
  'MAILER_LOCK_PATH',
  'MAILER_USE_FILE_LOCK',
  'MAILER_EMAIL_MAX_BATCH',
  'MAILER_EMAIL_MAX_DEFERRED',
  'MAILER_EMAIL_THROTTLE',
  'MAILER_EMAIL_MAX_RETRIES',
  'MAILER_ERROR_HANDLER',
  'MAILER_MESSAGES_BATCH_SIZE',
  'MAILER_EMAIL_LOG_MESSAGE_DATA',
  'MAILER_PAUSE_SEND',
] as const;

export const COMMANDS = ['send_mail', 'retry_deferred', 'purge_mail_log', 'runmailer', 'runmailer_pg'] as const;
