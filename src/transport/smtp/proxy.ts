/** The way through a proxy, without a socket: SOCKS5 (RFC 1928, RFC 1929) and CONNECT of HTTP (RFC 9110 9.3.6). */
import { isIPv4, isIPv6 } from 'node:net';
import { PosthasteError } from '../../errors.ts';
import { printable } from '../../mail/reply.ts';
import type { Target } from './auth.ts';

export interface ProxyServer {
  readonly kind: 'socks5' | 'http';
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

const FORM = 'write it as socks5://user:password@host:1080 or http://user:password@host:3128';
const DEFAULT_PORTS = { socks5: 1080, http: 80 } as const;

/** Throws CONFIG_INVALID, never with the password. */
export function parseProxyUrl(text: string): ProxyServer {
  const url = URL.parse(text);
  const scheme = url?.protocol.slice(0, -1);
  const kind = scheme === 'socks5h' ? 'socks5' : scheme;
  if (url === null || (kind !== 'socks5' && kind !== 'http') || url.hostname === '')
    throw invalid(`The proxy of the relay cannot be read: ${FORM}.`);
  if (!/^\/?$/.test(url.pathname) || url.search !== '' || url.hash !== '')
    throw invalid(
      `The proxy of the relay has something behind its port: ${FORM}. A / in user or password is written %2F.`,
    );
  const proxy: ProxyServer = {
    kind,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? DEFAULT_PORTS[kind] : Number(url.port),
    user: decode(url.username),
    password: decode(url.password),
  };
  // RFC 1929 2: one octet tells their length.
  if (kind === 'socks5' && [proxy.user, proxy.password].some((word) => Buffer.byteLength(word) > 255))
    throw invalid('The proxy of the relay has a user or password of more than 255 octets, which SOCKS5 cannot carry.');
  return proxy;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid('The user or password of the proxy has a % that begins no %XX: a plain % is written %25.');
  }
}

function invalid(message: string): PosthasteError {
  return new PosthasteError('CONFIG_INVALID', message);
}

/** Octets for the proxy, and how many of what it has sent so far are its answer; 0: not all of it is there. */
interface Ask {
  readonly write: Uint8Array;
  readonly whole: (received: Buffer) => number;
}

type Asks = Generator<Ask, void, Buffer>;

/** Answers are some hundred octets; what grows beyond this is none. */
const MAX_ANSWER = 16 * 1024;

/** A proxy being asked. Throws an Error with what it said when it does not let us through. */
export class Tunnel {
  readonly #asks: Asks;
  #ask: Ask;
  #received: Buffer = Buffer.alloc(0);

  constructor(proxy: ProxyServer, target: Target) {
    this.#asks = proxy.kind === 'socks5' ? socks5(proxy, target) : connect(proxy, target);
    this.#ask = this.#asks.next().value as Ask;
  }

  /** What to write first. */
  get opening(): Uint8Array {
    return this.#ask.write;
  }

  /** What to write next, or that the relay is at the other end now; `rest` are octets of its own that came already. */
  receive(bytes: Buffer): { readonly write: Uint8Array } | { readonly rest: Buffer } {
    this.#received = Buffer.concat([this.#received, bytes]);
    const write: Uint8Array[] = [];
    for (let end = this.#ask.whole(this.#received); end > 0; end = this.#ask.whole(this.#received)) {
      const answer = this.#received.subarray(0, end);
      this.#received = this.#received.subarray(end);
      const next = this.#asks.next(answer);
      if (next.done) return { rest: this.#received };
      this.#ask = next.value;
      write.push(next.value.write);
    }
    if (this.#received.length > MAX_ANSWER) throw new Error('it answered what is no answer of a proxy');
    return { write: Buffer.concat(write) };
  }
}

const NO_LOGIN = 0;
const WITH_PASSWORD = 2;

function* socks5(proxy: ProxyServer, target: Target): Asks {
  const methods = proxy.user === '' ? [NO_LOGIN] : [NO_LOGIN, WITH_PASSWORD];
  const [version, method] = yield { write: Buffer.from([5, methods.length, ...methods]), whole: atLeast(2) };
  if (version !== 5) throw new Error('it speaks no SOCKS5');
  if (method === WITH_PASSWORD && proxy.user !== '') yield* socksLogin(proxy);
  else if (method !== NO_LOGIN) throw new Error(`it wants a login${proxy.user === '' ? '' : ' of another kind'}`);
  const [, answer] = yield { write: socksConnect(target), whole: socksAnswer };
  if (answer !== 0) throw new Error(SOCKS_FAULTS[answer ?? 1] ?? `it refused with code ${answer}`);
}

function* socksLogin({ user, password }: ProxyServer): Asks {
  const write = Buffer.concat([Buffer.from([1]), counted(user), counted(password)]);
  const [, status] = yield { write, whole: atLeast(2) };
  if (status !== 0) throw new Error('it refused user and password');
}

/** The relay's name goes as it is: the proxy knows it where we may not. */
function socksConnect({ host, port }: Target): Buffer {
  const end = Buffer.from([port >> 8, port & 0xff]);
  return Buffer.concat([Buffer.from([5, 1, 0]), socksAddress(host), end]);
}

function socksAddress(host: string): Buffer {
  if (isIPv4(host)) return Buffer.from([1, ...host.split('.').map(Number)]);
  if (isIPv6(host)) return Buffer.concat([Buffer.from([4]), ipv6Octets(host)]);
  return Buffer.concat([Buffer.from([3]), counted(host)]);
}

/** The sixteen octets of an address that `isIPv6` has seen; its zone means nothing elsewhere. */
function ipv6Octets(host: string): Buffer {
  const dotted = host.replace(/%.*/, '').replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => {
    return `${((Number(a) << 8) | Number(b)).toString(16)}:${((Number(c) << 8) | Number(d)).toString(16)}`;
  });
  const [head = [], tail] = dotted.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = tail === undefined ? [] : Array<string>(8 - head.length - tail.length).fill('0');
  const groups = [...head, ...zeros, ...(tail ?? [])].map((group) => Number.parseInt(group, 16));
  return Buffer.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

function counted(text: string): Buffer {
  const octets = Buffer.from(text);
  return Buffer.concat([Buffer.from([octets.length]), octets]);
}

function atLeast(count: number): (received: Buffer) => number {
  return (received) => (received.length >= count ? count : 0);
}

/** RFC 1928 6: four octets, an address whose length its kind tells, and a port. A refusal may end after two. */
function socksAnswer(received: Buffer): number {
  const [, code, , kind, length = 0] = received;
  if (code !== undefined && code !== 0) return received.length;
  if (received.length < 5) return 0;
  const size = { 1: 10, 3: 7 + length, 4: 22 }[kind as number];
  if (size === undefined) throw new Error('it answered what is no answer of SOCKS5');
  return received.length >= size ? size : 0;
}

/** RFC 1928 6. */
const SOCKS_FAULTS: Readonly<Record<number, string>> = {
  1: 'it failed',
  2: 'its rules do not allow this connection',
  3: 'the network of the relay cannot be reached from there',
  4: 'the relay cannot be reached from there; check its name',
  5: 'the relay refused the connection: nothing listens there',
  6: 'the relay gave no answer',
  7: 'it does not know how to connect',
  8: 'it does not take this kind of address',
};

function* connect({ user, password }: ProxyServer, { host, port }: Target): Asks {
  const at = isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
  const login = `Proxy-Authorization: Basic ${Buffer.from(`${user}:${password}`).toString('base64')}\r\n`;
  const head = `CONNECT ${at} HTTP/1.1\r\nHost: ${at}\r\n${user === '' ? '' : login}\r\n`;
  const answer = (yield { write: Buffer.from(head), whole: httpHead }).toString('latin1');
  const [line = ''] = answer.split('\r\n');
  const code = /^HTTP\/1\.[01] (\d{3})/.exec(line)?.[1];
  if (code === undefined) throw new Error('it speaks no HTTP');
  if (code === '407') throw new Error(user === '' ? 'it wants a login' : 'it refused user and password');
  if (!code.startsWith('2')) throw new Error(`it answered ${printable(line.slice(9, 200))}`);
}

function httpHead(received: Buffer): number {
  const end = received.indexOf('\r\n\r\n');
  return end < 0 ? 0 : end + 4;
}
