/** The ways in of a server, from the settings: the SMTP listener, and the HTTP server for health checks. */
import { readFileSync } from 'node:fs';
import type { ReadinessCheck } from '../admin/health.ts';
import type { Config } from '../config/settings.ts';
import { PosthasteError } from '../errors.ts';
import type { Queue } from '../queue/queue.ts';
import { routedHeaders } from '../queue/route.ts';
import type { Node } from '../queue/store.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { ListenerOptions } from '../submission/smtp/listener.ts';
import { authenticator } from '../submission/smtp/users.ts';
import { GRACE } from './delivery.ts';
import type { App } from './open.ts';
import { spaceFault, spaceOptions } from './space.ts';

/** Ready is who can take mail and keep it: the disk has room, and the store really writes. */
export function readinessChecks({ config, store }: App, node: Node): readonly ReadinessCheck[] {
  const writes = async (): Promise<boolean> => {
    await store.heartbeat({ ...node, seenAt: systemClock.now() });
    return true;
  };
  const hasRoom = async (): Promise<boolean> => (await spaceFault(config)) === null;
  return [
    { name: 'store', check: writes },
    { name: 'disk space', check: hasRoom },
  ];
}

function readPem(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new PosthasteError('CONFIG_INVALID', `${setting} is ${JSON.stringify(path)}, which cannot be read: ${why}`);
  }
}

export function listenerOptions(config: Config, queue: Queue, log: Log): ListenerOptions {
  const space = spaceOptions(config);
  return {
    queue,
    clock: systemClock,
    log,
    listen: config.listen,
    hostname: config.hostname,
    limits: config,
    bareLf: config.bareLf,
    maxConnections: config.maxClients,
    maxErrors: config.maxErrors,
    idleTimeout: config.idleTimeout,
    stopTimeout: GRACE,
    clients: config.clients,
    routedHeaders: routedHeaders(config.routes),
    ...(config.tlsCert !== null &&
      config.tlsKey !== null && {
        tls: { cert: readPem('tlsCert', config.tlsCert), key: readPem('tlsKey', config.tlsKey) },
      }),
    ...(config.users.length > 0 && { authenticate: authenticator(config.users) }),
    ...(space !== null && { space }),
  };
}
