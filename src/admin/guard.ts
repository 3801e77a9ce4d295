/** What is looked at before anything is done: by which name it was called, from where, and how much it brings. */
import { isIP } from 'node:net';
import { Refusal } from './problem.ts';

/** For all answers that say nothing else of themselves: nothing in them may run, frame or be framed. */
const HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

export function secure(response: Response): Response {
  const missing = Object.entries(HEADERS).filter(([name]) => !response.headers.has(name));
  try {
    for (const [name, value] of missing) response.headers.set(name, value);
    return response;
  } catch {
    // Headers of a response that was fetched cannot be changed.
    const headers = new Headers(response.headers);
    for (const [name, value] of missing) headers.set(name, value);
    return new Response(response.body, { status: response.status, headers });
  }
}

/**
 * A name that an attacker's DNS turned to this address (rebinding) makes a browser take us for the attacker's own site; so only names that are ours
 * may be used. Addresses are nobody's to turn. `hosts`: more names; null: any, where an application answers for them.
 */
export function checkHost(request: Request, hosts: readonly string[] | null): void {
  if (hosts === null) return;
  const name = hostName(request.headers.get('host') ?? new URL(request.url).host);
  if (name !== null && (isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost'))) return;
  if (name !== null && hosts.some((host) => host.toLowerCase() === name)) return;
  const shown = JSON.stringify(name ?? '');
  throw new Refusal('NOT_ALLOWED', `${shown} is no name of this server: use its address, or name it in adminHosts.`, {
    status: 421,
  });
}

/** In lower case, without its port and brackets; null: it is none. */
function hostName(host: string): string | null {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(host);
  return (match?.[1] ?? match?.[2])?.toLowerCase().replace(/\.$/, '') ?? null;
}

/**
 * Browsers say which site asks (Origin, Fetch Metadata); other sites, also those on other ports of this machine, get and change nothing.
 * A request that says nothing of it comes from no browser.
 */
export function checkOrigin(request: Request): void {
  const site = request.headers.get('sec-fetch-site');
  const origin = request.headers.get('origin');
  const host = (request.headers.get('host') ?? new URL(request.url).host).toLowerCase();
  const ours =
    origin === null || (URL.canParse(origin) && new URL(origin).host.toLowerCase() === defaultless(host, origin));
  // A link to here opens a page in a window of its own, which the site that has it cannot read.
  if (isReading(request) && isNavigation(request)) return;
  const sameSite = site === null || site === 'same-origin' || (site === 'none' && isReading(request));
  if (ours && sameSite) return;
  throw new Refusal('NOT_ALLOWED', 'The request comes from another site.');
}

function isNavigation({ headers }: Request): boolean {
  return headers.get('sec-fetch-mode') === 'navigate' && headers.get('sec-fetch-dest') === 'document';
}

/** `new URL` leaves out the port that a scheme implies. */
function defaultless(host: string, origin: string): string {
  return host.replace(origin.startsWith('https:') ? /:443$/ : /:80$/, '');
}

export function isReading(request: Request): boolean {
  return request.method === 'GET' || request.method === 'HEAD';
}

/** The octets of a body as they come; more of them than `limit` fail with REQUEST_TOO_LARGE. */
export async function* bounded(request: Request, limit: number): AsyncGenerator<Uint8Array, void> {
  const announced = Number(request.headers.get('content-length') ?? 0);
  if (announced > limit) throw tooLarge(limit);
  let octets = 0;
  for await (const chunk of request.body ?? []) {
    octets += (chunk as Uint8Array).length;
    if (octets > limit) throw tooLarge(limit);
    yield chunk as Uint8Array;
  }
}

function tooLarge(limit: number): Refusal {
  return new Refusal('REQUEST_TOO_LARGE', `The body is larger than ${limit} octets, which are the most here.`, {
    headers: { connection: 'close' },
  });
}
