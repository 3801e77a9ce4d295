/** The relays of a configuration with every default filled in: what the composition root builds the ways out from. */
import type { Rate } from './kinds-relay.ts';
import { DEFAULT_RELAY } from './settings/ways-out.ts';
import type { Config } from './settings.ts';
import type { AuthEntry, MailTransport, RelayEntry, RuleEntry } from './shapes.ts';

/** A secret itself, or the file that holds it and is to be read again when it has changed. */
export type Secret = { readonly value: string } | { readonly file: string };

export interface OAuthSettings {
  readonly provider: 'google' | 'microsoft' | null;
  readonly tenant: string | null;
  readonly tokenUrl: string | null;
  readonly clientId: string | null;
  readonly clientSecret: Secret | null;
  /** Without one, and without a service account, the application asks for itself (client credentials). */
  readonly refreshToken: Secret | null;
  readonly serviceAccount: { readonly email: string; readonly privateKey: Secret } | null;
  readonly scope: string | null;
}

export interface AuthSettings {
  readonly user: string;
  /** null: with OAuth. */
  readonly password: Secret | null;
  readonly oauth: OAuthSettings | null;
}

export interface TlsSettings {
  readonly level: Config['relayTls'];
  /** Paths of PEM files. */
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  readonly fingerprints: readonly string[];
  readonly servername: string | null;
  readonly minVersion: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3' | null;
}

/** Milliseconds. */
export interface RetrySettings {
  readonly mode: 'automatic' | 'manual';
  readonly firstDelay: number;
  readonly maxDelay: number;
  readonly maxAge: number;
  readonly maxAttempts: number | null;
  readonly delayReportAfter: number | null;
}

type OAuthEntry = NonNullable<AuthEntry['oauth']>;
type Stage = NonNullable<RuleEntry['stage']>[number];

/** A row of the table of outcomes, in the form in which the transports have it. */
export interface RelayRule {
  readonly name: string;
  readonly codes?: readonly number[];
  readonly status?: RegExp;
  readonly text?: RegExp;
  readonly stages?: readonly Stage[];
  readonly verdict:
    | { readonly kind: 'sent' }
    | { readonly kind: 'deferred'; readonly scope: 'relay' | 'message' | 'recipient' }
    | { readonly kind: 'refused'; readonly scope: 'message' | 'recipient' };
  readonly reason: string;
}

export interface RelaySettings {
  readonly name: string;
  /** Where to; a `transport` in place of it, a `command` beside `command:`. */
  readonly url: string | null;
  readonly transport: MailTransport | null;
  readonly command: readonly string[] | null;
  readonly auth: AuthSettings | null;
  /** By sender: an address, or `@domain`. */
  readonly logins: Readonly<Record<string, AuthSettings>>;
  readonly tls: TlsSettings;
  readonly proxy: string | null;
  /** All hold at once. */
  readonly rates: readonly Rate[];
  readonly connections: number;
  /** null: the transport's own default. */
  readonly messagesPerConnection: number | null;
  readonly recipientsPerMessage: number | null;
  readonly maxSize: number | null;
  readonly doubt: 'resend' | 'hold';
  /** In order. */
  readonly fallback: readonly string[];
  /** Milliseconds. */
  readonly failoverAfter: number;
  readonly retry: RetrySettings;
  /** Of one round. */
  readonly maxBatch: number | null;
  readonly maxDeferred: number | null;
  /** Milliseconds. */
  readonly throttle: number;
  /** They go before those of posthaste. */
  readonly rules: readonly RelayRule[];
}

export interface DkimSettings {
  readonly domain: string;
  readonly selector: string;
  readonly key: Secret;
}

const CONNECTIONS = 20;
const FAILOVER_AFTER = 5 * 60_000;

/** All relays; none is capture mode. `relay` and the settings that begin with it describe the one named `default`. */
export function relaysOf(config: Config): readonly RelaySettings[] {
  const named = Object.entries(config.relays).map(([name, entry]) => relayOf(config, name, entry));
  return config.relay === null ? named : [shortRelay(config, config.relay), ...named];
}

/** The names of the relays that the settings tell of. */
export function relayNamesOf(config: Config): readonly string[] {
  return [...new Set([config.defaultRelay, ...Object.keys(config.relays)])];
}

export function signaturesOf(config: Config): readonly DkimSettings[] {
  return config.dkim.map((entry) => ({
    domain: entry.domain.toLowerCase(),
    selector: entry.selector,
    key: theSecret(entry.key, entry.keyFile),
  }));
}

function shortRelay(config: Config, url: string): RelaySettings {
  return relayOf(config, DEFAULT_RELAY, {
    url,
    rate: config.relayRate,
    connections: config.relayConnections,
    tls: { level: config.relayTls, ...(config.relayCa !== null && { ca: config.relayCa }) },
  });
}

function relayOf(config: Config, name: string, entry: RelayEntry): RelaySettings {
  return {
    name,
    url: entry.url ?? null,
    transport: entry.transport ?? null,
    command: entry.command ?? null,
    auth: entry.auth === undefined ? null : authOf(entry.auth),
    logins: Object.fromEntries(Object.entries(entry.logins ?? {}).map(([sender, auth]) => [sender, authOf(auth)])),
    tls: tlsOf(entry.tls ?? {}),
    proxy: entry.proxy ?? null,
    rates: entry.rate ?? [],
    connections: entry.connections ?? CONNECTIONS,
    messagesPerConnection: entry.messagesPerConnection ?? null,
    recipientsPerMessage: entry.recipientsPerMessage ?? null,
    maxSize: entry.maxSize ?? null,
    doubt: entry.doubt ?? config.doubt,
    fallback: entry.fallback ?? [],
    failoverAfter: entry.failoverAfter ?? FAILOVER_AFTER,
    retry: retryOf(config, entry.retry ?? {}),
    maxBatch: entry.maxBatch ?? null,
    maxDeferred: entry.maxDeferred ?? null,
    throttle: entry.throttle ?? 0,
    rules: (entry.rules ?? []).map((rule, i) => ruleOf(rule, `relays.${name}.rules.${i}`)),
  };
}

function authOf({ user, password, passwordFile, oauth }: AuthEntry): AuthSettings {
  return {
    user,
    password: secret(password, passwordFile),
    oauth: oauth === undefined ? null : oauthOf(oauth),
  };
}

function oauthOf(oauth: OAuthEntry): OAuthSettings {
  return {
    provider: oauth.provider ?? null,
    tenant: oauth.tenant ?? null,
    tokenUrl: oauth.tokenUrl ?? null,
    clientId: oauth.clientId ?? null,
    clientSecret: secret(oauth.clientSecret, oauth.clientSecretFile),
    refreshToken: secret(oauth.refreshToken, oauth.refreshTokenFile),
    serviceAccount: oauth.serviceAccount === undefined ? null : accountOf(oauth.serviceAccount),
    scope: oauth.scope ?? null,
  };
}

function accountOf(account: NonNullable<OAuthEntry['serviceAccount']>): OAuthSettings['serviceAccount'] {
  return { email: account.email, privateKey: theSecret(account.privateKey, account.privateKeyFile) };
}

/** One of the two is there: the checks saw to it. */
function theSecret(value: string | undefined, file: string | undefined): Secret {
  return value === undefined ? { file: file ?? '' } : { value };
}

function secret(value: string | undefined, file: string | undefined): Secret | null {
  if (value !== undefined) return { value };
  return file === undefined ? null : { file };
}

function tlsOf(tls: NonNullable<RelayEntry['tls']>): TlsSettings {
  return {
    level: tls.level ?? 'auto',
    ca: tls.ca ?? null,
    cert: tls.cert ?? null,
    key: tls.key ?? null,
    fingerprints: tls.fingerprint ?? [],
    servername: tls.servername ?? null,
    minVersion: tls.minVersion ?? null,
  };
}

/** Attempts in all: of two limits the one that is over first. */
export function maxAttemptsOf({
  maxAttempts = null,
  maxRetries = null,
}: {
  readonly maxAttempts?: number | null | undefined;
  readonly maxRetries?: number | null | undefined;
}): number | null {
  if (maxRetries === null) return maxAttempts;
  return maxAttempts === null ? maxRetries + 1 : Math.min(maxAttempts, maxRetries + 1);
}

function retryOf(config: Config, retry: NonNullable<RelayEntry['retry']>): RetrySettings {
  const saysHowOften = retry.maxAttempts !== undefined || retry.maxRetries !== undefined;
  return {
    mode: retry.mode ?? config.retry,
    firstDelay: retry.firstDelay ?? config.retryFirstDelay,
    maxDelay: retry.maxDelay ?? config.retryMaxDelay,
    maxAge: retry.maxAge ?? config.maxAge,
    maxAttempts: maxAttemptsOf(saysHowOften ? retry : config),
    delayReportAfter: retry.delayReportAfter === undefined ? config.delayReportAfter : retry.delayReportAfter,
  };
}

function ruleOf(rule: RuleEntry, name: string): RelayRule {
  return {
    name,
    ...(rule.code !== undefined && { codes: rule.code }),
    ...(rule.status !== undefined && { status: rule.status }),
    ...(rule.text !== undefined && { text: rule.text }),
    ...(rule.stage !== undefined && { stages: rule.stage }),
    verdict: verdictOf(rule),
    reason: rule.reason ?? 'The configuration says so.',
  };
}

function verdictOf({ outcome, scope, stage }: RuleEntry): RelayRule['verdict'] {
  if (outcome === 'sent') return { kind: 'sent' };
  const whom = scope ?? (stage?.every((each) => each === 'rcpt') ? 'recipient' : 'message');
  if (outcome === 'deferred') return { kind: 'deferred', scope: whom };
  return { kind: 'refused', scope: whom === 'relay' ? 'message' : whom };
}
