/** The admin inside an application: its options, checked, and who it says is asking. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Access } from '../admin/access.ts';
import { checkOptions, PosthasteError } from '../errors.ts';
import type { Log } from '../runtime/log.ts';
import type { App } from './open.ts';
import type { Submitter } from './submitter.ts';

/** Who may use the pages and the API: an operator may change what a viewer only sees. */
export interface AdminUser {
  /** For the log, and kept with the relays that they pause. */
  readonly name: string;
  readonly role: 'viewer' | 'operator';
}

/** How the admin is mounted into an application. */
export interface AdminMountOptions {
  /** Says who asks, by the application's own login; null: nobody who may see it. */
  readonly authorize: (request: Request) => AdminUser | null | Promise<AdminUser | null>;
  /** Where it is mounted, as `/mail`. Default: at the root. */
  readonly path?: string | undefined;
}

/** Answers requests, and never fails. */
export interface AdminHandler {
  /** As `fetch` has them: Hono, Next.js, Deno, Bun. */
  (request: Request): Promise<Response>;
  /** As Node.js has them, with bodies that nobody has read: Express, Fastify, NestJS. */
  readonly node: (request: IncomingMessage, response: ServerResponse) => void;
}

/** Throws OPTION_INVALID. Nothing of HTTP is loaded before the first request. */
export function mountAdmin(app: App, log: Log, submitter: Submitter, options: AdminMountOptions): AdminHandler {
  checkOptions(options ?? {}, ['authorize', 'path']);
  const { authorize, path = '' } = options ?? {};
  if (typeof authorize !== 'function')
    throw invalid('authorize is no function: give one that says who asks, as { name, role }, or null for nobody.');
  if (!/^(?:\/[\w.~-]+)*\/?$/.test(path)) throw invalid(`path is ${JSON.stringify(path)}: give a path such as /mail.`);
  const access: Access = { kind: 'application', whoIs: async (request) => checkedUser(await authorize(request)) };
  let loading: Promise<Loaded> | undefined;
  const loaded = (): Promise<Loaded> => {
    loading ??= load(app, log, submitter, access, path.replace(/\/$/, ''));
    return loading;
  };
  const handler = async (request: Request): Promise<Response> => (await loaded()).fetch(request);
  const node = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // Express takes the path off at which something is mounted.
    request.url = (request as { readonly originalUrl?: string }).originalUrl ?? request.url ?? '/';
    (await loaded()).node(request, response);
  };
  return Object.assign(handler, {
    node: (request: IncomingMessage, response: ServerResponse) => void node(request, response),
  });
}

interface Loaded {
  readonly fetch: (request: Request) => Response | Promise<Response>;
  readonly node: RequestListener;
}

async function load(app: App, log: Log, submitter: Submitter, access: Access, base: string): Promise<Loaded> {
  const { adminParts, listenerOf } = await import('./admin.ts');
  const { adminApp } = await import('../admin/app.ts');
  const { fetch } = adminApp(adminParts(app, log, submitter), { access, hosts: null, base });
  return { fetch, node: listenerOf(fetch) };
}

/** Whatever an application says that is no user is nobody: no slip makes an operator. */
function checkedUser(user: AdminUser | null): AdminUser | null {
  const { name, role } = user ?? {};
  return typeof name === 'string' && name !== '' && (role === 'viewer' || role === 'operator') ? { name, role } : null;
}

function invalid(text: string): PosthasteError {
  return new PosthasteError('OPTION_INVALID', text);
}
