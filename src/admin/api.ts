/** How a route is described, once: the same schemas check its requests and make its part of the OpenAPI document. */
import { type Context, Hono } from 'hono';
import * as z from 'zod';
import type { Log } from '../runtime/log.ts';
import { type Access, may, type Peer, type Principal, type Role } from './access.ts';
import { bounded, checkHost, checkOrigin, isReading, secure } from './guard.ts';
import { type Fault, isTold, notFound, problemResponse, Refusal } from './problem.ts';

/** What a route is called with. */
export interface Call<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** Never null where the route needs a role. */
  readonly who: Principal;
  readonly peer: Peer;
  readonly request: Request;
}

export interface Route<Params, Query, Body, Answer> {
  readonly method: 'get' | 'post' | 'delete';
  /** Below the base, with its parameters in braces: `/messages/{id}`. */
  readonly path: string;
  /** One sentence. */
  readonly summary: string;
  /** null: anybody. */
  readonly needs: Role | null;
  readonly params?: z.ZodType<Params>;
  readonly query?: z.ZodType<Query>;
  /** In JSON. */
  readonly body?: z.ZodType<Body>;
  /** Octets of a body in JSON. Default: 1 MB. */
  readonly maxBody?: number;
  /** Media types of bodies that the route reads itself from the request. */
  readonly streams?: readonly string[];
  /** Of JSON answers. */
  readonly answer?: z.ZodType<Answer>;
  /** Of other answers: the media type. */
  readonly gives?: string;
  /** For the log of who did what; what does not change anything has none. */
  readonly audit?: string;
  run(call: Call<Params, Query, Body>): Promise<Answer | Response> | Answer | Response;
}

/** A route without regard to its types. */
export type AnyRoute = Omit<Route<unknown, unknown, unknown, unknown>, 'run'> & {
  run(call: Call<unknown, unknown, unknown>): unknown;
};

export function route<Params = undefined, Query = undefined, Body = undefined, Answer = never>(
  definition: Route<Params, Query, Body, Answer>,
): AnyRoute {
  return definition as unknown as AnyRoute;
}

const MAX_BODY = 1_000_000;

export interface ApiOptions {
  readonly access: Access;
  /** More names by which it may be called; null: any. */
  readonly hosts: readonly string[] | null;
  readonly log: Log;
}

/** What the server that took the request knows of it. */
export interface Bindings {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string | undefined } };
}

export type App = Hono<{ Bindings: Bindings }>;
type AppContext = Context<{ Bindings: Bindings }>;

/** An app whose every answer has passed the guards. */
export function guardedApp(options: ApiOptions): App {
  const app: App = new Hono();
  app.use(async (context, next) => {
    checkHost(context.req.raw, options.hosts);
    checkOrigin(context.req.raw);
    await next();
    context.res = secure(context.res);
  });
  app.notFound((context) => secure(problemResponse(notFound(context.req.path.slice(0, 200)))));
  app.onError((error) => {
    if (!isTold(error)) options.log.error({ err: error }, 'admin request failed');
    return secure(problemResponse(error));
  });
  return app;
}

export function addRoutes(app: App, base: string, routes: readonly AnyRoute[], options: ApiOptions): void {
  const paths = new Map<string, string[]>();
  for (const each of routes) {
    const path = base + each.path.replaceAll(/\{(\w+)\}/g, ':$1');
    app.on(each.method.toUpperCase(), path, (context) => serve(each, context, options));
    paths.set(path, [...(paths.get(path) ?? []), each.method.toUpperCase()]);
  }
  for (const [path, methods] of paths) app.all(path, () => problemResponse(wrongMethod(methods)));
}

function wrongMethod(methods: readonly string[]): Refusal {
  const allow = methods.join(', ');
  return new Refusal('OPTION_INVALID', `Allowed here: ${allow}.`, { status: 405, headers: { allow } });
}

export function peerOf(context: AppContext): Peer {
  const env = context.env as Bindings | undefined;
  return env?.incoming?.socket?.remoteAddress ?? 'unknown';
}

/** Throws LOGIN_REQUIRED and NOT_ALLOWED. */
async function identify(needs: Role | null, request: Request, peer: Peer, access: Access): Promise<Principal> {
  const who = needs === null ? null : await access.whoIs(request, peer);
  if (needs === null || may(who, needs)) return who ?? { name: '', role: 'viewer' };
  if (who === null) throw new Refusal('LOGIN_REQUIRED', 'Log in first.');
  throw new Refusal('NOT_ALLOWED', `${who.name} may look and change nothing: this needs the role ${needs}.`);
}

async function serve(each: AnyRoute, context: AppContext, { access, log }: ApiOptions): Promise<Response> {
  const request = context.req.raw;
  const peer = peerOf(context);
  const who = await identify(each.needs, request, peer, access);
  const call = {
    params: checked(each.params, context.req.param(), 'path'),
    query: checked(each.query ?? NOTHING, queryOf(context), 'query'),
    body: each.body === undefined ? undefined : checked(each.body, await jsonOf(request, each), 'body'),
    who,
    peer,
    request,
  };
  if (each.audit !== undefined) log.info({ by: who.name, from: peer, ...auditOf(call) }, `admin: ${each.audit}`);
  const answer = await each.run(call);
  return answer instanceof Response ? answer : Response.json(answer);
}

const NOTHING = z.strictObject({});

/** What is given once as its text, what is repeated as a list: which parameters may be is for their schemas to say. */
function queryOf(context: AppContext): Record<string, unknown> {
  const given = Object.entries(context.req.queries());
  return Object.fromEntries(given.map(([name, values]) => [name, values.length === 1 ? values[0] : values]));
}

/** Ids by the hundred and contents do not belong in the log. */
function auditOf({ params, body }: { readonly params: unknown; readonly body: unknown }): Record<string, unknown> {
  const text = JSON.stringify({ ...(params ?? {}), ...(typeof body === 'object' ? body : {}) }, (key, value) =>
    key === 'password' ? undefined : value,
  );
  return { what: text.length > 500 ? `${text.slice(0, 500)}...` : text };
}

function checked(schema: z.ZodType | undefined, value: unknown, where: string): unknown {
  if (schema === undefined) return undefined;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map(
    (issue): Fault => ({
      path: issue.path.join('.'),
      message: where === 'query' && isRepeated(issue, value) ? 'is given more than once' : issue.message,
    }),
  );
  const first = faults[0];
  const at = first === undefined || first.path === '' ? where : `${where}: ${first.path}`;
  throw new Refusal('OPTION_INVALID', `The ${at} is not as it must be: ${first?.message}.`, { faults });
}

/** The parameter as a whole is wrong, and not one of its values. */
function isRepeated({ path }: z.core.$ZodIssue, query: unknown): boolean {
  return path.length === 1 && Array.isArray((query as Record<string, unknown>)[String(path[0])]);
}

/** Forms of other sites can send no JSON without being asked by the browser whether they may. */
async function jsonOf(request: Request, { maxBody = MAX_BODY }: AnyRoute): Promise<unknown> {
  if (!isReading(request) && mediaType(request) !== 'application/json')
    throw new Refusal('OPTION_INVALID', 'The body must be JSON: say content-type application/json.', { status: 415 });
  const chunks = await Array.fromAsync(bounded(request, maxBody));
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new Refusal('OPTION_INVALID', 'The body is no JSON.');
  }
}

export function mediaType(request: Request): string {
  return (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}
