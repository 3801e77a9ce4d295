/** What relays, routes and signatures must keep among each other: names that are known, no circles, no mail back to ourselves. */
import { isIP } from 'node:net';
import { hostname as machineName, networkInterfaces } from 'node:os';
import { type Check, type Complaint, complain, complainOf, type Loaded } from './load.ts';
import { nearest } from './nearest.ts';
import { relaysOf } from './relays.ts';
import { DEFAULT_RELAY } from './settings/ways-out.ts';
import type { Config, SettingName } from './settings.ts';
import { showValue } from './settings.ts';
import type { AuthEntry, RelayEntry } from './shapes.ts';

const SCHEMES = ['smtp', 'smtps', 'file', 'command', 'capture', 'null'];

type Path = readonly PropertyKey[];
/** A fault of a part: its path below the setting, and the end of the sentence. */
type Fault = readonly [path: Path, fault: string];

function check(name: SettingName, faultsOf: (config: Config, names: readonly string[]) => readonly Fault[]): Check {
  return (loaded) => {
    const names = [...(isRelayGiven(loaded) ? [DEFAULT_RELAY] : []), ...Object.keys(loaded.config.relays)];
    return faultsOf(loaded.config, names).map(([path, fault]) => complainOf(loaded, name, path, fault));
  };
}

/** Commands that do not read the secret of `relay` know only that it is given. */
function isRelayGiven({ config, unread }: Loaded): boolean {
  return config.relay !== null || unread.has('relay');
}

/** Settings of one relay that contradict each other. */
const eachRelay = check('relays', ({ relays }) =>
  Object.entries(relays).flatMap(([name, entry]) =>
    [...wayFaults(entry), ...loginFaults(entry), ...ruleFaults(entry)].map(
      ([path, fault]): Fault => [[name, ...path], fault],
    ),
  ),
);

function wayFaults({ url, transport, command, auth, logins, tls }: RelayEntry): readonly Fault[] {
  if ((url === undefined) === (transport === undefined))
    return [[[], url === undefined ? 'needs a url, or a transport' : 'has a url and a transport: give one of them']];
  const scheme = url === undefined ? undefined : schemeOf(url);
  const smtp = scheme === 'smtp' || scheme === 'smtps';
  const format = scheme === 'file' ? (URL.parse(url ?? '')?.searchParams.get('format') ?? null) : null;
  return [
    ...fault(
      scheme !== undefined && !SCHEMES.includes(scheme),
      ['url'],
      `begins with ${scheme}:, and only ${SCHEMES.map((known) => `${known}:`).join(', ')} are known`,
    ),
    ...fault(
      format !== null && format !== 'maildir' && format !== 'eml',
      ['url'],
      `has the format ${JSON.stringify(format)}: allowed are maildir and eml`,
    ),
    ...fault(scheme === 'command' && !command?.length, ['command'], 'is missing: give the program and its arguments'),
    ...fault(scheme !== 'command' && command !== undefined, ['command'], 'counts only with the url command:'),
    ...fault(!smtp && auth !== undefined, ['auth'], 'counts only with smtp: and smtps:'),
    ...fault(!smtp && logins !== undefined, ['logins'], 'counts only with smtp: and smtps:'),
    ...fault(!smtp && tls !== undefined, ['tls'], 'counts only with smtp: and smtps:'),
    ...fault(
      (tls?.cert === undefined) !== (tls?.key === undefined),
      ['tls', tls?.cert === undefined ? 'cert' : 'key'],
      'is missing: cert and key must be set together',
    ),
    ...fault(
      auth !== undefined && smtp && /^smtps?:\/\/[^/?#]*@/i.test(url ?? ''),
      ['auth'],
      'and the url both have a login: give one of them',
    ),
  ];
}

function authFaults(auth: AuthEntry | undefined): readonly Fault[] {
  if (auth === undefined) return [];
  const ways = [auth.password, auth.passwordFile, auth.oauth].filter((way) => way !== undefined).length;
  return [
    ...fault(ways !== 1, [], 'needs one of password, passwordFile and oauth'),
    ...(auth.oauth === undefined
      ? []
      : oauthFaults(auth.oauth).map(([path, text]): Fault => [['oauth', ...path], text])),
  ];
}

function oauthFaults(oauth: NonNullable<AuthEntry['oauth']>): readonly Fault[] {
  const secret = oauth.clientSecret ?? oauth.clientSecretFile;
  const granted = oauth.refreshToken ?? oauth.refreshTokenFile ?? secret ?? oauth.serviceAccount;
  const account = oauth.serviceAccount;
  return [
    ...twice(oauth, 'clientSecret'),
    ...twice(oauth, 'refreshToken'),
    ...fault(oauth.provider === undefined && oauth.tokenUrl === undefined, [], 'needs a provider, or a tokenUrl'),
    ...fault(granted === undefined, [], 'needs a refreshToken, a clientSecret, or a serviceAccount'),
    ...fault(account === undefined && oauth.clientId === undefined, ['clientId'], 'is missing'),
    ...fault(
      account !== undefined && (account.privateKey === undefined) === (account.privateKeyFile === undefined),
      ['serviceAccount'],
      'needs a privateKey or a privateKeyFile, and not both',
    ),
  ];
}

function twice(oauth: NonNullable<AuthEntry['oauth']>, name: 'clientSecret' | 'refreshToken'): readonly Fault[] {
  const both = oauth[name] !== undefined && oauth[`${name}File`] !== undefined;
  return fault(both, [name], `and ${name}File are both set: set only one of them`);
}

function loginFaults({ auth, logins = {} }: RelayEntry): readonly Fault[] {
  const below = (path: Path, entry: AuthEntry | undefined): readonly Fault[] =>
    authFaults(entry).map(([rest, text]): Fault => [[...path, ...rest], text]);
  return [
    ...below(['auth'], auth),
    ...Object.entries(logins).flatMap(([sender, entry]) => below(['logins', sender], entry)),
  ];
}

function ruleFaults({ rules = [] }: RelayEntry): readonly Fault[] {
  return rules.flatMap(({ code, status, text, stage, outcome, scope }, i) => [
    ...fault(
      (code ?? status ?? text ?? stage) === undefined,
      ['rules', i],
      'fits every reply: give it a code, status, text or stage',
    ),
    ...fault(
      scope === 'relay' && outcome !== 'deferred',
      ['rules', i, 'scope'],
      'can be relay only where the outcome is deferred: a fault of the relay ends no delivery',
    ),
  ]);
}

const notTwice = check('relays', ({ relay, relays }) =>
  fault(
    relay !== null && Object.hasOwn(relays, DEFAULT_RELAY),
    [DEFAULT_RELAY],
    'is also what the setting relay describes: give one of them',
  ),
);

const fallbacks = check('relays', ({ relays }, names) =>
  Object.entries(relays).flatMap(([name, { fallback = [] }]) =>
    fallback.flatMap((other): readonly Fault[] => {
      if (!names.includes(other)) return [[[name, 'fallback'], noRelay(other, names)]];
      const circle = circleFrom(name, other, relays);
      return circle === undefined ? [] : [[[name, 'fallback'], `makes a circle: ${circle.join(' -> ')}`]];
    }),
  ),
);

/** The way back to `start` by fallbacks that begins with `next`; undefined when there is none. */
function circleFrom(
  start: string,
  next: string,
  relays: Config['relays'],
  path: readonly string[] = [start],
): readonly string[] | undefined {
  const way = [...path, next];
  if (next === start) return way;
  if (path.includes(next)) return undefined;
  return (relays[next]?.fallback ?? [])
    .map((other) => circleFrom(start, other, relays, way))
    .find((found) => found !== undefined);
}

const defaultRelay: Check = (loaded) => {
  const { defaultRelay: name, relays } = loaded.config;
  const names = [...(isRelayGiven(loaded) ? [DEFAULT_RELAY] : []), ...Object.keys(relays)];
  // Without any relay mail is captured, and `default` is but a word.
  if (names.includes(name) || (names.length === 0 && name === DEFAULT_RELAY)) return [];
  return [complain(loaded, 'defaultRelay', noRelay(name, names))];
};

const routes = check('routes', (config, names) =>
  config.routes.flatMap(({ relay, header, value, sender, recipient, tag }, i) => [
    ...fault(!names.includes(relay), [i, 'relay'], noRelay(relay, names)),
    ...fault(value !== undefined && header === undefined, [i, 'value'], 'counts only with a header'),
    ...fault(
      (sender ?? recipient ?? tag ?? header) === undefined,
      [i],
      'fits all mail: give it a sender, recipient, tag or header, or set defaultRelay',
    ),
  ]),
);

const signatures = check('dkim', ({ dkim }) =>
  dkim.flatMap(({ key, keyFile }, i) =>
    fault((key === undefined) === (keyFile === undefined), [i], 'needs a key or a keyFile, and not both'),
  ),
);

/**
 * A relay that is posthaste itself would send each message round until its Received fields are too many. Who does not listen may well have
 * a posthaste with a queue of its own for a relay.
 */
const loops: Check = (loaded) => {
  if (loaded.unused.has('listen')) return [];
  return relaysOf(loaded.config).flatMap(({ name, url }): readonly Complaint[] => {
    if (url === null || !leadsTo(url, loaded.config)) return [];
    const listen = JSON.stringify(showValue('listen', loaded.config.listen));
    const advice = `is where posthaste itself listens (listen is ${listen}), so mail would go round for ever: set another relay, or another listen`;
    const isShort = name === DEFAULT_RELAY && loaded.config.relay !== null;
    return [isShort ? complain(loaded, 'relay', advice) : complainOf(loaded, 'relays', [name, 'url'], advice)];
  });
};

function leadsTo(url: string, { listen, hostname }: Config): boolean {
  const parsed = URL.parse(url);
  const scheme = schemeOf(url);
  if (parsed === null || (scheme !== 'smtp' && scheme !== 'smtps')) return false;
  const port = Number(parsed.port) || (scheme === 'smtps' ? 465 : parsed.username === '' ? 25 : 587);
  const host = parsed.hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  return listen.some((own) => own.port === port && reaches(host, own.host.toLowerCase(), hostname.toLowerCase()));
}

function reaches(host: string, own: string, hostname: string): boolean {
  if (host === own) return true;
  if (isWide(own)) return isLoopback(host) || isWide(host) || host === hostname || isOfMachine(host);
  return isLoopback(own) && (isWide(host) || (isLoopback(host) && (isIP(host) === 0 || isIP(own) === 0)));
}

/** To connect to it reaches this machine. */
function isWide(host: string): boolean {
  return host === '0.0.0.0' || host === '::' || host === '0';
}

function isOfMachine(host: string): boolean {
  const addresses = Object.values(networkInterfaces()).flatMap((some) => some ?? []);
  return host === machineName().toLowerCase() || addresses.some(({ address }) => address === host);
}

export function isLoopback(host: string): boolean {
  return /^(?:.+\.)?localhost\.?$/.test(host) || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function fault(holds: boolean, path: Path, text: string): readonly Fault[] {
  return holds ? [[path, text]] : [];
}

function noRelay(name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  const advice = near === undefined ? `known are ${names.join(', ') || 'none'}` : `did you mean ${near}?`;
  return `names no relay: there is none called ${JSON.stringify(name)}; ${advice}`;
}

export function schemeOf(url: string): string | undefined {
  return /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
}

export const relayChecks: readonly Check[] = [eachRelay, notTwice, fallbacks, defaultRelay, routes, signatures, loops];
