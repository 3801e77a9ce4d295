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

/** Whose password would make an operator, and whose a viewer, nobody could tell. */
const adminTwice: Check = (loaded) => {
  const { adminUsers, adminViewers } = loaded.config;
  const twice = adminViewers.find(({ name }) => adminUsers.some((user) => user.name === name));
  if (twice === undefined) return [];
  return [complain(loaded, 'adminViewers', `names ${twice.name}, as adminUsers does: allowed is one of the two`)];
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

/** The level that counts: the URL's own goes before the setting. */
function levelOf({ url, level }: Pick<Way, 'url' | 'level'>): string {
  return URL.parse(url)?.searchParams.get('tls')?.toLowerCase() ?? level;
}

/** What is wrong with this level of encryption on this way; undefined where it may be. */
function levelFault(way: Way): string | undefined {
  const { url, hasAuth, hasProxy } = way;
  const parsed = URL.parse(url);
  const scheme = schemeOf(url);
  const level = levelOf(way);
  if (parsed === null || (level !== 'none' && level !== 'opportunistic')) return undefined;
  if (scheme === 'smtps') return 'is TLS from the start: allowed are auto, required and verified, or smtp:';
  if (scheme !== 'smtp' || level !== 'none') return undefined;
  const host = parsed.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const here = isLoopback(host) && !hasProxy;
  const allowsClear = parsed.searchParams.get('clear-password')?.toLowerCase() === 'true';
  if (here || allowsClear || !(hasAuth || parsed.username !== '')) return undefined;
  return `has a login, which would travel in the clear: allowed are ${LEVELS}, or ?clear-password=true in the URL`;
}

const relayLevel: Check = (loaded) => {
  const { relay, relayTls } = loaded.config;
  if (relay === null) return [];
  const way = { url: relay, level: relayTls, hasAuth: false, hasProxy: false };
  const fault = levelFault(way);
  if (fault === undefined) return [];
  return URL.parse(relay)?.searchParams.has('tls') === true
    ? [complain(loaded, 'relay', `has tls=${levelOf(way)} and ${fault}`)]
    : [complain(loaded, 'relayTls', `does not fit ${other(loaded, 'relay')} and ${fault}`)];
};

/** A pin means nothing where the certificate is not looked at. */
const idlePins: Check = (loaded) =>
  Object.entries(loaded.config.relays).flatMap(([name, { url = '', tls }]): readonly Complaint[] => {
    if (!tls?.fingerprint?.length) return [];
    const level = levelOf({ url, level: tls.level ?? 'auto' });
    if (level !== 'none' && level !== 'opportunistic') return [];
    const fault = `would not be looked at under the TLS level ${level}: allowed are auto, required and verified, or no fingerprint`;
    return [complainOf(loaded, 'relays', [name, 'tls', 'fingerprint'], fault)];
  });

const relayLevels: Check = (loaded) =>
  Object.entries(loaded.config.relays).flatMap(([name, entry]): readonly Complaint[] => {
    const way = wayOf(entry);
    const fault = levelFault(way);
    if (fault === undefined) return [];
    const [path, lead] = URL.parse(way.url)?.searchParams.has('tls')
      ? [[name, 'url'], `has tls=${levelOf(way)}`]
      : [[name, 'tls', 'level'], `is ${way.level}`];
    const shown = JSON.stringify(showValue('relay', way.url));
    return [complainOf(loaded, 'relays', path, `${lead}, and the relay ${shown} ${fault}`)];
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
  adminTwice,
  idleRelaySettings,
  relayLevel,
  relayLevels,
  idlePins,
];
