/** Settings that are well alone and contradict each other: each complaint names both, with both values, and what is allowed. */
import { type Check, type Complaint, complain, complainOf, type Loaded } from './load.ts';
import { isLoopback, schemeOf } from './relay-checks.ts';
import { type SettingName, settingOf, showValue } from './settings.ts';
import type { RelayEntry } from './shapes.ts';

/** `relay, which is "smtp://...",`: the other side of a contradiction. */
function other({ config }: Loaded, name: SettingName): string {
  return `${name}, which is ${JSON.stringify(showValue(name, config[name]))}`;
}

function duration(ms: number): string {
  return settingOf('maxAge').kind.show(ms);
}

const retryDelays: Check = (loaded) => {
  const { retryFirstDelay: first, retryMaxDelay: most } = loaded.config;
  if (first <= most) return [];
  return [
    complain(
      loaded,
      'retryFirstDelay',
      `is longer than ${other(loaded, 'retryMaxDelay')}: allowed is ${duration(most)} at most, or a longer retryMaxDelay`,
    ),
  ];
};

/** Also where a relay says only one of the two. */
const relayDelays: Check = (loaded) => {
  const { config } = loaded;
  return Object.entries(config.relays).flatMap(([name, { retry }]): readonly Complaint[] => {
    const [first, most] = [retry?.firstDelay ?? config.retryFirstDelay, retry?.maxDelay ?? config.retryMaxDelay];
    if (first <= most || (retry?.firstDelay ?? retry?.maxDelay) === undefined) return [];
    const key = retry?.firstDelay === undefined ? 'maxDelay' : 'firstDelay';
    const delays = `firstDelay ${duration(first)} and maxDelay ${duration(most)}`;
    return [
      complainOf(loaded, 'relays', [name, 'retry', key], `makes ${delays}: allowed is a firstDelay up to the maxDelay`),
    ];
  });
};

/** Only where somebody asked for the report: the default does no harm where mail is given up sooner. */
const lateReport: Check = (loaded) => {
  const { config, origins } = loaded;
  const after = config.delayReportAfter;
  if (after === null || after < config.maxAge || origins.delayReportAfter === 'default') return [];
  const allowed = `allowed is less than ${duration(config.maxAge)}, or never`;
  return [complain(loaded, 'delayReportAfter', `would never come before ${other(loaded, 'maxAge')}: ${allowed}`)];
};

const adminListens: Check = (loaded) => {
  const { admin, listen } = loaded.config;
  const clash =
    admin !== null && admin.port !== 0 && listen.some((own) => own.port === admin.port && meets(own.host, admin.host));
  return clash
    ? [
        complain(
          loaded,
          'admin',
          `clashes with ${other(loaded, 'listen')}: allowed are addresses or ports of their own`,
        ),
      ]
    : [];
};

function meets(a: string, b: string): boolean {
  const wide = (host: string): boolean => host === '0.0.0.0' || host === '::';
  return a === b || wide(a) || wide(b);
}

const OF_RELAY = {
  relayTls: 'tls.level',
  relayCa: 'tls.ca',
  relayConnections: 'connections',
  relayRate: 'rate',
} as const;

/** Who sets a rate believes that it holds. */
const idleRelaySettings: Check = (loaded) => {
  const { config, origins, unread } = loaded;
  const names = Object.keys(config.relays);
  if (config.relay !== null || unread.has('relay') || names.length === 0) return [];
  const given = (Object.keys(OF_RELAY) as (keyof typeof OF_RELAY)[]).filter((name) => origins[name] !== 'default');
  return given.map((name) => {
    const advice = `for ${names.join(', ')} it is relays.NAME.${OF_RELAY[name]}`;
    return complain(loaded, name, `counts only for the relay of the setting relay, which is "none"; ${advice}`);
  });
};

/** A way to a relay, from wherever it is set. */
interface Way {
  readonly url: string;
  readonly level: string;
  readonly hasAuth: boolean;
  readonly hasProxy: boolean;
}

const LEVELS = 'auto, opportunistic, required and verified';

/** What is wrong with no encryption on this way; undefined where it may be. */
function clearFault({ url, level, hasAuth, hasProxy }: Way): string | undefined {
  const parsed = URL.parse(url);
  const scheme = schemeOf(url);
  if (parsed === null || (scheme !== 'smtp' && scheme !== 'smtps')) return undefined;
  if ((parsed.searchParams.get('tls') ?? level).toLowerCase() !== 'none') return undefined;
  if (scheme === 'smtps') return `is TLS from the start: allowed are ${LEVELS}, or smtp:`;
  const host = parsed.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const here = isLoopback(host) && !hasProxy;
  const allowsClear = parsed.searchParams.get('clear-password')?.toLowerCase() === 'true';
  if (here || allowsClear || !(hasAuth || parsed.username !== '')) return undefined;
  return `has a login, which would travel in the clear: allowed are ${LEVELS}, or ?clear-password=true in the URL`;
}

const clearPassword: Check = (loaded) => {
  const { relay, relayTls } = loaded.config;
  if (relay === null) return [];
  const fault = clearFault({ url: relay, level: relayTls, hasAuth: false, hasProxy: false });
  if (fault === undefined) return [];
  return relayTls === 'none'
    ? [complain(loaded, 'relayTls', `does not fit ${other(loaded, 'relay')} and ${fault}`)]
    : [complain(loaded, 'relay', `has tls=none and ${fault}`)];
};

/** A pin means nothing where the certificate is not looked at. */
const idlePins: Check = (loaded) =>
  Object.entries(loaded.config.relays).flatMap(([name, { url = '', tls }]): readonly Complaint[] => {
    if (!tls?.fingerprint?.length) return [];
    const level = URL.parse(url)?.searchParams.get('tls')?.toLowerCase() ?? tls.level;
    if (level !== 'none' && level !== 'opportunistic') return [];
    const fault = `would not be looked at under the TLS level ${level}: allowed are auto, required and verified, or no fingerprint`;
    return [complainOf(loaded, 'relays', [name, 'tls', 'fingerprint'], fault)];
  });

const clearPasswords: Check = (loaded) =>
  Object.entries(loaded.config.relays).flatMap(([name, entry]): readonly Complaint[] => {
    const fault = clearFault(wayOf(entry));
    if (fault === undefined) return [];
    const path = entry.tls?.level === 'none' ? [name, 'tls', 'level'] : [name, 'url'];
    const shown = showValue('relay', entry.url);
    return [complainOf(loaded, 'relays', path, `is none, and the relay ${JSON.stringify(shown)} ${fault}`)];
  });

function wayOf({ url = '', tls, auth, logins, proxy }: RelayEntry): Way {
  const hasAuth = auth !== undefined || Object.keys(logins ?? {}).length > 0;
  return { url, level: tls?.level ?? 'auto', hasAuth, hasProxy: proxy !== undefined };
}

export const contradictions: readonly Check[] = [
  retryDelays,
  relayDelays,
  lateReport,
  adminListens,
  idleRelaySettings,
  clearPassword,
  clearPasswords,
  idlePins,
];
