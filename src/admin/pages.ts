/** The pages for people: files that were built beforehand, and the same document below every path that is one of theirs. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { App } from './api.ts';
import { isReading } from './guard.ts';
import { Refusal } from './problem.ts';

/** What the first segment of a page's path may be; the pages themselves say of all else that there is no such page. */
const PAGES: ReadonlySet<string> = new Set([
  '',
  'messages',
  'relays',
  'suppression',
  'nodes',
  'settings',
  'capture',
  'audit',
  'webhooks',
]);

/** Nothing but our own files runs or is loaded, nothing frames it, and what it frames (messages) comes from here. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  md: 'text/plain; charset=utf-8',
};

/** Below this folder the name of a file changes with what is in it. */
const HASHED = 'assets/';
const A_YEAR = 'public, max-age=31536000, immutable';

interface Asset {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly type: string;
  readonly tag: string;
}

/** By their paths below the folder. Some hundred kilobytes, which stay in memory: a newer build takes nothing from pages that are open. */
type Assets = ReadonlyMap<string, Asset>;

/** Serves what no route before it answered. `folder`: where the built files are. `base` as with AdminOptions. */
export function addPages(app: App, folder: string, base: string): void {
  let loading: Promise<Assets> | undefined;
  const loaded = (): Promise<Assets> => {
    loading ??= load(folder).catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };
  if (base !== '') app.get(base, (context) => redirect(`${base.slice(base.lastIndexOf('/') + 1)}/`, context.req.url));
  app.get(`${base}/*`, async (context, next) => {
    const path = context.req.path.slice(base.length + 1);
    if (path.startsWith('api/')) return next();
    const request = context.req.raw;
    const asset = (await loaded()).get(path);
    if (asset !== undefined && path !== 'index.html') return fileOf(asset, path, request);
    if (!wantsPage(request, path)) return next();
    return documentOf(await loaded(), path);
  });
}

/** Relative, so that it holds behind a proxy that puts a path of its own before it. */
function redirect(to: string, url: string): Response {
  return new Response(null, { status: 308, headers: { location: to + new URL(url).search } });
}

/** A page goes to all who do not ask for something else, such as `curl` and those who watch a site; where there is none, to people alone: programs get a problem. */
function wantsPage(request: Request, path: string): boolean {
  if (!isReading(request)) return false;
  const accept = request.headers.get('accept') ?? '*/*';
  return accept.includes('text/html') || (isPage(path) && /(?:\*|text)\/\*/.test(accept));
}

/** The overview has no name: `//elsewhere/` is none of its addresses. */
function isPage(path: string): boolean {
  const [first = ''] = path.split('/');
  return PAGES.has(first) && (first !== '' || path === '');
}

function fileOf({ bytes, type, tag }: Asset, path: string, request: Request): Response {
  const headers = { 'cache-control': path.startsWith(HASHED) ? A_YEAR : 'no-cache', etag: tag, 'content-type': type };
  if (request.headers.get('if-none-match') === tag) return new Response(null, { status: 304, headers });
  return new Response(bytes, { headers });
}

/** The base of the document's links, from its own address: it knows of no mount path and of no proxy. */
function documentOf(assets: Assets, path: string): Response {
  const html = assets.get('index.html');
  if (html === undefined)
    throw new Refusal('NOT_FOUND', 'The pages were not built: run `npm run build`.', { status: 503 });
  const up = '../'.repeat(path.split('/').length - 1) || './';
  const text = Buffer.from(html.bytes).toString('utf8').replace('<base href="./">', `<base href="${up}">`);
  return new Response(text, {
    status: isPage(path) ? 200 : 404,
    headers: { 'content-type': html.type, 'cache-control': 'no-cache', 'content-security-policy': POLICY },
  });
}

/** Where nothing was built there are none. */
async function load(folder: string): Promise<Assets> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(missing);
  const files = entries.filter((entry) => entry.isFile());
  return new Map(await Promise.all(files.map((entry) => read(folder, join(entry.parentPath, entry.name)))));
}

function missing(error: NodeJS.ErrnoException): [] {
  if (error.code === 'ENOENT') return [];
  throw error;
}

async function read(folder: string, file: string): Promise<readonly [string, Asset]> {
  const bytes = new Uint8Array(await readFile(file));
  const path = file.slice(folder.length + 1).replaceAll('\\', '/');
  const type = TYPES[path.slice(path.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
  const tag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
  return [path, { bytes, type, tag }];
}
