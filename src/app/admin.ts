/** The admin's HTTP from the settings: for the server's own address, and for applications that mount it. Loaded only where it is wanted. */
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { type Access, openAccess, type Role } from '../admin/access.ts';
import type { App as AdminApp } from '../admin/api.ts';
import { adminApp, metricsApp } from '../admin/app.ts';
import { LoginTrail } from '../admin/login-trail.ts';
import { Metrics } from '../admin/metrics.ts';
import type { AdminParts, RelaySetting, StreamEvent } from '../admin/parts.ts';
import { PasswordAccess } from '../admin/passwords.ts';
import { webUrl } from '../config/kinds.ts';
import { relaysOf } from '../config/relays.ts';
import { DEFAULT_RELAY } from '../config/settings/ways-out.ts';
import { type SettingView, settingViews } from '../config/view.ts';
import { PosthasteError } from '../errors.ts';
import { Overview } from '../queue/overview.ts';
import { listedView, replyView } from '../queue/view.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Signer } from '../submission/dkim.ts';
import { authenticator } from '../submission/smtp/users.ts';
import { maskRelayUrl } from '../transport/smtp/url.ts';
import type { QueueEvent } from './events.ts';
import { Feed } from './feed.ts';
import { intakeContext } from './intake.ts';
import { knownRelays } from './known-relays.ts';
import type { Mail } from './mail.ts';
import type { App } from './open.ts';
import { Outlook } from './outlook.ts';
import { spaceFault } from './space.ts';
import type { SubmitOptions } from './submit-options.ts';
import { Submitter } from './submitter.ts';
import { packageVersion } from './version.ts';
import { testWebhook } from './webhook-test.ts';

export function newMetrics(): Metrics {
  return new Metrics(systemClock, packageVersion());
}

export function adminParts(app: App, log: Log, submitter: Pick<Submitter, 'submit'>, metrics?: Metrics): AdminParts {
  const { config, store, queue } = app;
  return {
    metrics,
    queue,
    operator: ({ name, role }, from) => app.operator({ name, role, from }),
    audit: (filter, page) => store.audit(filter, page),
    overview: new Overview(store, systemClock),
    clock: systemClock,
    log,
    version: packageVersion(),
    pages: join(import.meta.dirname, '../../dist/pages'),
    maxMessageSize: config.maxMessageSize,
    relays: relaysOf(config).map(relaySetting),
    settings: () => (app.loaded === undefined ? [] : settingViews(app.loaded).map(withoutLinks)),
    webhooks: Object.entries(config.webhooks).map(([name, { url }]) => ({ name, url: webUrl.show(url) })),
    webhookStore: store,
    testWebhook: (name) => testWebhook(config, name),
    relayNames: () => knownRelays(app, config),
    prospect: () => Outlook.of(store, config, systemClock.now()),
    events(after, signal) {
      const feed = new Feed({ store, clock: systemClock, log }, { after, signal });
      return { events: streamedAll(feed.events()), position: () => feed.position };
    },
    async submit(mail, options) {
      const fault = await spaceFault(config);
      if (fault !== null) throw new PosthasteError('STORE_UNAVAILABLE', `The message was not kept: ${fault}.`);
      // It comes from elsewhere: what it names is not ours to open.
      const safe = { ...mail, disableFileAccess: true, disableUrlAccess: true } as Mail;
      return submitter.submit(safe, options as SubmitOptions);
    },
  };
}

async function* streamedAll(events: AsyncGenerator<QueueEvent, void>): AsyncGenerator<StreamEvent, void> {
  for await (const event of events) yield streamed(event);
}

function streamed(event: QueueEvent): StreamEvent {
  const { type, at } = event;
  if (event.type === 'relay') {
    const { change, relay } = event;
    return { type, id: null, data: { at, change, relay: relay.relay, lastFault: replyView(relay.lastFault) } };
  }
  return { type, id: event.cursor, data: { at, key: event.key, delivery: listedView(event.delivery, null) } };
}

/** They lead from page to page of the documentation. */
function withoutLinks(setting: SettingView): SettingView {
  return { ...setting, sentence: setting.sentence.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1') };
}

function relaySetting({ name, url, connections, rates, fallback }: ReturnType<typeof relaysOf>[number]): RelaySetting {
  return { name, url: url === null ? null : maskRelayUrl(url), connections, rates, fallback };
}

/** For the address of the setting `admin`. */
export function adminListener(app: App, log: Log, signer: Signer | undefined, metrics?: Metrics): RequestListener {
  const submitter = new Submitter(app, intakeContext(app, log, signer), packageVersion(), () => undefined);
  const { config } = app;
  const hosts = [config.hostname, ...config.adminHosts];
  const parts = adminParts(app, log, submitter, metrics);
  const told = { ...parts, relays: parts.relays.length > 0 || !config.deliver ? parts.relays : [CAPTURE] };
  const { fetch } = adminApp(told, { access: accessOf(app, log), hosts });
  return listenerOf(fetch);
}

/** What a server that delivers without a relay delivers to; of an application the settings do not say it, its mail may be another process's. */
const CAPTURE: RelaySetting = { name: DEFAULT_RELAY, url: 'capture:', connections: null, rates: [], fallback: [] };

/** For the address of the setting `metrics`. */
export function metricsListener(app: App, log: Log, metrics: Metrics): RequestListener {
  const { config, store } = app;
  const overview = new Overview(store, systemClock);
  const parts = { overview, relayNames: () => knownRelays(app, config), log };
  const hosts = [config.hostname, ...config.adminHosts];
  return listenerOf(metricsApp(parts, metrics, { access: accessOf(app, log), hosts }).fetch);
}

/** A handler of `fetch` for requests of Node.js. */
export function listenerOf(fetch: AdminApp['fetch']): RequestListener {
  const listener = getRequestListener((request, env) => fetch(request, env), { overrideGlobalObjects: false });
  return (request, response) => void listener(request, response);
}

function accessOf({ config: { adminUsers, adminViewers }, audit }: App, log: Log): Access {
  const users = [...adminViewers, ...adminUsers];
  if (users.length === 0) return openAccess;
  const roleOf =
    (role: Role) =>
    ({ name }: { readonly name: string }) =>
      [name, role] as const;
  const roles = new Map([...adminViewers.map(roleOf('viewer')), ...adminUsers.map(roleOf('operator'))]);
  const trail = new LoginTrail({ audit, clock: systemClock, log });
  return new PasswordAccess({ clock: systemClock, log, trail, authenticate: authenticator(users), roles });
}
