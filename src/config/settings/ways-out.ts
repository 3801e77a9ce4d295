/** Settings of relays, retries, pace and safety. */
import * as kinds from '../kinds.ts';
import * as relay from '../kinds-relay.ts';
import { DAY, type Facts, HOUR, MINUTE, type Others, SECOND, setting } from '../setting.ts';
import * as shapes from '../shapes.ts';

function defaultRelay(_: Facts, { before, given }: Others): string {
  const names = Object.keys(before('relays') ?? {});
  return given('relay') || names.includes(DEFAULT_RELAY) ? DEFAULT_RELAY : (names[0] ?? DEFAULT_RELAY);
}

/** The name of the relay that `relay` describes. */
export const DEFAULT_RELAY = 'default';

export const waysOut = {
  relay: setting({
    group: 'Relay',
    kind: kinds.orWord(kinds.relayUrl, 'none'),
    standard: null,
    secret: true,
    sentence:
      'The next server, as `smtp://user:password@host:587` or `smtps://...`; without one, and without `relays`, mail is captured: kept here, never sent.',
  }),
  relays: setting({
    group: 'Relay',
    kind: shapes.relays,
    standard: {},
    standardText: 'none',
    secret: true,
    fileOnly: true,
    sentence:
      'Several relays by name, each with the settings of [a relay](#a-relay); `relay` is the one named `default`.',
  }),
  defaultRelay: setting({
    group: 'Relay',
    kind: relay.relayName,
    standard: defaultRelay,
    standardText: '`default`, or the first of `relays` where none is named so',
    sentence: 'The relay for mail that no route sends elsewhere.',
  }),
  routes: setting({
    group: 'Relay',
    kind: shapes.routes,
    standard: [],
    standardText: 'none',
    fileOnly: true,
    sentence:
      'Which mail goes to which relay: an array of [routes](#a-route), of which the first that fits decides, at submission.',
  }),
  relayTls: setting({
    group: 'Relay',
    kind: kinds.choice('auto', 'none', 'opportunistic', 'required', 'verified'),
    standard: 'auto',
    sentence:
      'How the way to the relay is secured; `auto` is `verified` with `smtps:` and with a login at a relay on another machine, and `opportunistic` otherwise.',
  }),
  relayCa: setting({
    group: 'Relay',
    kind: kinds.orWord(kinds.path, 'none'),
    standard: null,
    sentence: "PEM file with the authorities that may vouch for the relay, in place of Node's own list.",
  }),
  relayConnections: setting({
    group: 'Relay',
    kind: kinds.count(1),
    standard: 20,
    sentence: 'Connections to the relay at one time, shared by all processes on the database.',
  }),
  relayRate: setting({
    group: 'Relay',
    kind: relay.rates,
    standard: [],
    standardText: 'none',
    sentence:
      'Recipients in a time that the relay may get, over all processes on the database: `14/s`, `600/min`, `200/h`, `50000/d`, or several that hold at once.',
  }),
  dkim: setting({
    group: 'Relay',
    kind: shapes.dkim,
    standard: [],
    standardText: 'none',
    secret: true,
    fileOnly: true,
    sentence: "DKIM signatures by the sender's domain: an array of [signatures](#a-signature).",
  }),

  retryFirstDelay: setting({
    group: 'Retry',
    kind: kinds.durationFrom(1),
    standard: MINUTE,
    sentence: 'Wait after the first attempt that failed; each further wait is twice the one before, give or take 20 %.',
  }),
  retryMaxDelay: setting({
    group: 'Retry',
    kind: kinds.durationFrom(1),
    standard: HOUR,
    sentence: 'The longest wait between two attempts.',
  }),
  maxAge: setting({
    group: 'Retry',
    kind: kinds.durationFrom(1),
    standard: 5 * DAY,
    sentence: 'Age at which a delivery is given up and its sender told.',
  }),
  maxAttempts: setting({
    group: 'Retry',
    kind: kinds.orWord(kinds.count(1), 'unlimited'),
    standard: null,
    sentence: 'Attempts after which a delivery is given up, however young it is; faults of the relay do not count.',
  }),
  delayReportAfter: setting({
    group: 'Retry',
    kind: kinds.orWord(kinds.duration, 'never'),
    standard: 4 * HOUR,
    sentence: 'Age at which the sender is told once that a delivery is delayed.',
  }),
  doubt: setting({
    group: 'Retry',
    kind: kinds.choice('resend', 'hold'),
    standard: 'resend',
    sentence:
      'What to do when a connection breaks between the end of a message and the answer to it, so that it may have arrived: send it again with the same Message-ID, or hold it.',
  }),
  deliver: setting({
    group: 'Retry',
    kind: relay.yesNo,
    standard: true,
    sentence:
      'Whether `posthaste serve` delivers what it takes. With `no` it only takes mail, and `posthaste work` on the same database delivers it.',
  }),
  lease: setting({
    group: 'Retry',
    kind: kinds.durationFrom(SECOND),
    standard: MINUTE,
    sentence:
      'Time for which a worker claims deliveries, renewed while it lives; after its death they wait no longer than this.',
  }),

  retry: setting({
    group: 'Retry',
    kind: kinds.choice('automatic', 'manual'),
    standard: 'automatic',
    sentence:
      'With `manual`, what failed for the time being is not tried again until somebody asks for it, as `posthaste retry --deferred` does; faults of the relay are no failures of its mail.',
  }),
  maxRetries: setting({
    group: 'Retry',
    kind: kinds.orWord(kinds.count(0), 'unlimited'),
    standard: null,
    sentence:
      'Attempts after the first one, in place of `maxAttempts`; where both are set, the one that is over first ends it.',
  }),

  maxBatch: setting({
    group: 'Pace',
    kind: kinds.orWord(kinds.count(1), 'unlimited'),
    standard: null,
    sentence:
      'Messages that a process sends in one round, over all relays: a run of `work --once`, or what others do between two `batchPause`s; what is deferred or bounced does not count.',
  }),
  maxDeferred: setting({
    group: 'Pace',
    kind: kinds.orWord(kinds.count(1), 'unlimited'),
    standard: null,
    sentence:
      'Messages that are deferred in one round before it ends; never more are in hand than may yet be deferred.',
  }),
  batchPause: setting({
    group: 'Pace',
    kind: kinds.durationFrom(1),
    standard: 30 * SECOND,
    sentence: 'Between two rounds of a process that goes on, where `maxBatch` or `maxDeferred` ended the first.',
  }),
  throttle: setting({
    group: 'Pace',
    kind: kinds.duration,
    standard: 0,
    sentence:
      'Pause between the end of one message and the beginning of the next; with one, a process sends one message at a time.',
  }),
  lockPath: setting({
    group: 'Pace',
    kind: kinds.orWord(kinds.path, 'none'),
    standard: null,
    sentence:
      'A file that one run of `work --once` locks while it lasts; not needed, as runs share the work. The lock ends with its process, however that ends.',
  }),
  lockWait: setting({
    group: 'Pace',
    kind: kinds.orWord(kinds.duration, 'forever'),
    standard: 0,
    sentence: 'How long `work --once` waits for the lock before it gives up with exit code 75.',
  }),

  redirect: setting({
    group: 'Safety',
    kind: kinds.orWord(relay.address, 'none'),
    standard: null,
    sentence:
      'One address that gets all mail, reports to senders too, in place of its recipients, who stay visible in `posthaste show`; those in `allow` keep theirs.',
  }),
  allow: setting({
    group: 'Safety',
    kind: kinds.orWord(kinds.list(relay.addressPattern, /[\s,]+/), 'all'),
    standard: null,
    sentence:
      'The recipients that may get mail, as `ann@example.com`, `@example.com` or `@*.example.com`; mail for others, reports to senders too, is held, or goes to `redirect`.',
  }),
  holdAll: setting({
    group: 'Safety',
    kind: relay.yesNo,
    standard: false,
    sentence:
      'Holds all mail that is submitted, and reports to senders, until `posthaste release` lets single messages go.',
  }),
} as const;
