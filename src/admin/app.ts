/** The whole of the admin's HTTP as one app: what a server listens for, and what an application mounts. */
import type { Access } from './access.ts';
import { actionRoutes } from './actions.ts';
import { type AnyRoute, type App, addRoutes, guardedApp, route } from './api.ts';
import { auditRoutes } from './audit.ts';
import { configRoutes } from './config.ts';
import { eventRoutes } from './events.ts';
import { messageRoutes } from './messages.ts';
import type { Metrics } from './metrics.ts';
import { openApi } from './openapi.ts';
import { addPages } from './pages.ts';
import type { AdminParts } from './parts.ts';
import { relayRoutes } from './relays.ts';
import { sessionRoutes } from './session.ts';
import { statusRoutes } from './status.ts';
import { submitRoutes } from './submit.ts';
import { suppressionRoutes } from './suppressions.ts';
import { suppressionCsvRoutes } from './suppressions-csv.ts';
import { webhookRoutes } from './webhooks.ts';

export interface AdminOptions {
  readonly access: Access;
  /** More names by which it may be called; null: any. */
  readonly hosts: readonly string[] | null;
  /** The path below which it is mounted, without a slash at its end. Default: none. */
  readonly base?: string;
}

/** All routes below `/api/v1`. Actions come before those with ids, so that none is taken for one. */
export function apiRoutes(parts: AdminParts, access: Access): readonly AnyRoute[] {
  return [
    ...statusRoutes(parts),
    ...actionRoutes(parts),
    ...submitRoutes(parts),
    ...messageRoutes(parts),
    ...eventRoutes(parts),
    ...relayRoutes(parts),
    ...suppressionRoutes(parts),
    ...suppressionCsvRoutes(parts),
    ...webhookRoutes(parts),
    ...auditRoutes(parts),
    ...configRoutes(parts),
    ...sessionRoutes(parts, access),
  ];
}

type Measured = Pick<AdminParts, 'overview' | 'relayNames' | 'log'>;

function metricsRoute({ overview, relayNames }: Measured, metrics: Metrics): AnyRoute {
  return route({
    method: 'get',
    path: '/metrics',
    summary: 'Metrics for Prometheus.',
    needs: 'viewer',
    gives: 'text/plain',
    async run() {
      const text = await metrics.text(overview, await relayNames().catch(() => []));
      return new Response(text, { headers: { 'content-type': metrics.contentType } });
    },
  });
}

/** Metrics alone, for processes that have nothing else to show. */
export function metricsApp(parts: Measured, metrics: Metrics, { access, hosts }: AdminOptions): App {
  const options = { access, hosts, log: parts.log };
  const app = guardedApp(options);
  addRoutes(app, '', [metricsRoute(parts, metrics)], options);
  return app;
}

export function adminApp(parts: AdminParts, { access, hosts, base = '' }: AdminOptions): App {
  const options = { access, hosts, log: parts.log };
  const app = guardedApp(options);
  const routes = apiRoutes(parts, access);
  const prefix = `${base}/api/v1`;
  app.get(`${prefix}/openapi.json`, (context) => context.json(openApi(prefix, parts.version, routes)));
  addRoutes(app, prefix, routes, options);
  if (parts.metrics !== undefined) addRoutes(app, base, [metricsRoute(parts, parts.metrics)], options);
  addPages(app, parts.pages, base);
  return app;
}
