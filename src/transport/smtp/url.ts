/** A relay as a URL: `smtp://user:password@host:587?tls=required`. */
import type { SecureVersion } from 'node:tls';
import { domainToASCII } from 'node:url';
import { PosthasteError } from '../../errors.ts';
import type { Password } from './credentials.ts';
import type { SmtpOptions, TlsLevel } from './options.ts';

const LEVELS: readonly TlsLevel[] = ['none', 'opportunistic', 'required', 'verified'];
const VERSIONS: readonly SecureVersion[] = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];

const FORM = 'write it as smtp://user:password@host:587, or smtps:// for TLS from the start';

/** What may stand behind the question mark. Each reads its text into the options. */
const PARAMETERS: Readonly<Record<string, (text: string) => Partial<SmtpOptions>>> = {
  tls: (text) => ({ tls: oneOf('tls', text, LEVELS) }),
  name: (text) => ({ name: hostName('name', text) }),
  servername: (text) => ({ servername: hostName('servername', text) }),
  'min-version': (text) => ({ minVersion: oneOf('min-version', text, VERSIONS) }),
  'clear-password': (text) => ({ allowClearPassword: oneOf('clear-password', text, ['true', 'false']) === 'true' }),
  connections: (text) => ({ maxConnections: count('connections', text) }),
  messages: (text) => ({ maxMessages: count('messages', text) }),
  recipients: (text) => ({ maxRecipients: count('recipients', text) }),
};

/** Throws CONFIG_INVALID with what is wrong, never with the password. Ports: 25, with a login 587, smtps 465. */
export function parseRelayUrl(text: string): SmtpOptions {
  const url = read(text.trim());
  const implicitTls = url.protocol === 'smtps:';
  const credentials = credentialsOf(url);
  return {
    host: (domainToASCII(decode(url.hostname)) || url.hostname).replace(/^\[|\]$/g, ''),
    port: url.port === '' ? defaultPort(implicitTls, credentials) : Number(url.port),
    implicitTls,
    ...(credentials === undefined ? {} : { credentials }),
    ...parametersOf(url, implicitTls),
  };
}

/** The URL as it may be shown: the password is `***`. */
export function maskRelayUrl(text: string): string {
  const at = text.lastIndexOf('@');
  if (at < 0) return text;
  // By hand: a URL that is shown because it does not parse must not show its password either.
  const lead = /^\s*[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0] ?? '';
  const colon = text.indexOf(':', lead.length);
  return colon < 0 || colon > at ? text : `${text.slice(0, colon)}:***${text.slice(at)}`;
}

function read(text: string): URL {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) throw invalid(`The relay ${quote(text)} is no URL: ${FORM}.`);
  if (scheme !== 'smtp' && scheme !== 'smtps')
    throw invalid(`The relay's URL begins with ${scheme}://, and only smtp:// and smtps:// are known: ${FORM}.`);
  const url = URL.parse(text);
  if (url === null) {
    const port = /:(\d+)\/?(?:[?#].*)?$/s.exec(text)?.[1];
    if (Number(port) > 65_535) throw invalid(`The relay ${quote(text)} has port ${port}: give one from 1 to 65535.`);
    const hint = '/?#@'.split('').some((char) => text.slice(scheme.length + 3).includes(char));
    throw invalid(
      `The relay ${quote(text)} cannot be read: ${FORM}.${hint ? ' Characters like / ? # @ : % in user or password are written %2F %3F %23 %40 %3A %25.' : ''}`,
    );
  }
  if (url.hostname === '') throw invalid(`The relay ${quote(text)} names no host: ${FORM}.`);
  if (url.port === '0') throw invalid(`The relay ${quote(text)} has port 0: give one from 1 to 65535.`);
  if (url.pathname !== '' && url.pathname !== '/')
    throw invalid(
      `The relay ${quote(text)} has a path, which means nothing there: ${FORM}. A / in user or password is written %2F.`,
    );
  if (url.hash !== '') throw invalid(`The relay's URL has a #: in user or password it is written %23.`);
  return url;
}

function credentialsOf(url: URL): Password | undefined {
  if (url.username === '' && url.password === '') return undefined;
  const credentials = { user: decode(url.username), password: decode(url.password) };
  if (credentials.user === '')
    throw invalid('The relay has a password and no user: give both, as in smtp://user:password@host:587.');
  if (credentials.password === '')
    throw invalid('The relay has a user and no password: give both, as in smtp://user:password@host:587.');
  return credentials;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid('The user or password of the relay has a % that begins no %XX: a plain % is written %25.');
  }
}

function defaultPort(implicitTls: boolean, credentials: Password | undefined): number {
  if (implicitTls) return 465;
  return credentials === undefined ? 25 : 587;
}

function parametersOf(url: URL, implicitTls: boolean): Partial<SmtpOptions> {
  let options: Partial<SmtpOptions> = {};
  for (const [key, text] of url.searchParams) {
    const parameter = Object.hasOwn(PARAMETERS, key) ? PARAMETERS[key] : undefined;
    if (parameter === undefined)
      throw invalid(
        `The relay has an unknown parameter ${JSON.stringify(key)}; known are ${Object.keys(PARAMETERS).join(', ')}.`,
      );
    options = { ...options, ...parameter(text) };
  }
  if (implicitTls && (options.tls === 'none' || options.tls === 'opportunistic'))
    throw invalid(
      `The relay has smtps:// and tls=${options.tls}, which contradict each other: smtps:// is TLS from the start; use smtp://, or tls=required.`,
    );
  return options;
}

function oneOf<const T extends string>(key: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((value) => value.toLowerCase() === text.toLowerCase());
  if (found === undefined)
    throw invalid(`The relay's parameter ${key} is ${JSON.stringify(text)}; allowed are ${allowed.join(', ')}.`);
  return found;
}

/** A name, or an address literal in brackets: nothing that could end the command in which it stands. */
function hostName(key: string, text: string): string {
  if (!/^[\x21-\x7e]+$/.test(text))
    throw invalid(`The relay's parameter ${key} is ${JSON.stringify(text)}; allowed is a host name.`);
  return text;
}

function count(key: string, text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || !Number.isSafeInteger(value))
    throw invalid(`The relay's parameter ${key} is ${JSON.stringify(text)}; allowed is a whole number from 1.`);
  return value;
}

function quote(text: string): string {
  return JSON.stringify(maskRelayUrl(text));
}

function invalid(message: string): PosthasteError {
  return new PosthasteError('CONFIG_INVALID', message);
}
