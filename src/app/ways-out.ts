/** The ways out, from the settings: a transport for each relay, with its patience and whom it stands in for. */
import { type RelaySettings, relaysOf } from '../config/relays.ts';
import type { Config } from '../config/settings.ts';
import type { Relay } from '../delivery/relay.ts';
import { NO_LIMITS } from '../delivery/round.ts';
import type { StandIn } from '../delivery/stand-in.ts';
import { defaultRetryPolicy } from '../queue/schedule.ts';
import type { Store } from '../queue/store.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { CaptureTransport } from '../transport/capture.ts';
import { openTransport } from '../transport/open.ts';
import type { RelayReport } from '../transport/smtp/probe.ts';
import { SmtpTransport } from '../transport/smtp/smtp.ts';
import { checkRelayFiles } from './named-files.ts';
import { retryPolicy } from './open.ts';

const CAPTURING =
  'capture mode: no relay is set, so mail is kept here and nothing leaves this machine; set one with --relay smtp://user:password@host:587';

const WAITING =
  'no relay is set, but mail of this queue was meant for one: it waits until the relay is set again; to capture mail, use a data directory of its own';

/** The ways out, one worker each. Without a relay mail is captured, unless it was meant for one. */
export async function openRelays(config: Config, store: Store, log: Log): Promise<readonly Relay[]> {
  const settings = relaysOf(config);
  if (settings.length > 0) {
    checkRelayFiles(config);
    const now = systemClock.now();
    for (const { name } of settings) await store.noteRelay(name, now);
    return Promise.all(settings.map((each) => openRelay(each, settings, config, log)));
  }
  const used = (await store.relays()).find((state) => state.knownSince !== null);
  if (used === undefined) {
    log.warn({}, CAPTURING);
    return [{ ...capture(config), transport: new CaptureTransport('no relay is configured') }];
  }
  log.error({ relay: used.relay }, WAITING);
  return [];
}

async function openRelay(
  settings: RelaySettings,
  all: readonly RelaySettings[],
  config: Config,
  log: Log,
): Promise<Relay> {
  const { name, doubt, retry, rates, maxBatch, maxDeferred, throttle } = settings;
  const policy = { ...defaultRetryPolicy, ...retry };
  return {
    name,
    doubt,
    rates,
    policy,
    limits: { maxBatch, maxDeferred, throttle },
    standIns: standInsOf(name, all),
    ...(await openTransport(settings, config.hostname, log)),
  };
}

/** The relays that name this one as their fallback. */
function standInsOf(name: string, all: readonly RelaySettings[]): readonly StandIn[] {
  return all
    .filter(({ fallback }) => fallback.includes(name))
    .map(({ name: relay, fallback, failoverAfter }) => {
      return { relay, after: failoverAfter, behind: fallback.slice(0, fallback.indexOf(name)) };
    });
}

function capture(config: Config): Omit<Relay, 'transport'> {
  const way = { host: null, connections: null, rates: [], limits: NO_LIMITS, standIns: [] };
  return { name: config.defaultRelay, policy: retryPolicy(config), doubt: 'hold', ...way };
}

/** What a look at a relay showed, with the login of everybody (`sender` null), or that of a sender or `@domain`. */
export interface LoginReport extends RelayReport {
  readonly sender: string | null;
}

/**
 * Connects to a relay and logs in, with each of its logins in turn and within `limit` ms for each, without sending; null for one that
 * is no SMTP server. Where the relay cannot be reached at all, no other login is tried.
 */
export async function checkRelay(
  settings: RelaySettings,
  config: Config,
  limit: number,
): Promise<readonly LoginReport[] | null> {
  const { transport } = await openTransport(settings, config.hostname);
  try {
    return transport instanceof SmtpTransport ? await tryLogins(transport, Object.keys(settings.logins), limit) : null;
  } finally {
    await transport.close();
  }
}

async function tryLogins(transport: SmtpTransport, senders: readonly string[], limit: number): Promise<LoginReport[]> {
  const reports: LoginReport[] = [];
  for (const sender of [null, ...senders]) {
    const report = await transport.verify(new AbortController().signal, sender, limit);
    reports.push({ ...report, sender });
    if (!report.ok && !report.answered) break;
  }
  return reports;
}
