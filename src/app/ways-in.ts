/** The ways in of a server, from the settings: the SMTP listener, and the HTTP server for health checks. */
import type { ReadinessCheck } from '../admin/health.ts';
import { relaysOf } from '../config/relays.ts';
import type { Config } from '../config/settings.ts';
import type { Queue } from '../queue/queue.ts';
import type { Node } from '../queue/relay-store.ts';
import { routedHeaders } from '../queue/route.ts';
import { systemClock } from '../runtime/clock.ts';
import { fileRoom, roomForClients } from '../runtime/files.ts';
import type { Log } from '../runtime/log.ts';
import type { ListenerOptions } from '../submission/smtp/listener.ts';
import { authenticator } from '../submission/smtp/users.ts';
import { inheritedSockets } from './activation.ts';
import { GRACE } from './delivery.ts';
import { readNamed } from './named-files.ts';
import type { App } from './open.ts';
import { spaceFault, spaceOptions } from './space.ts';

/** Ready is who can take mail and keep it: the disk has room, the store really writes, and damage did not let the last message be kept. */
export function readinessChecks({ config, store, damage }: App, node: Node): readonly ReadinessCheck[] {
  const writes = async (): Promise<boolean> => {
    await store.heartbeat({ ...node, seenAt: systemClock.now() });
    return !damage.refuses;
  };
  const hasRoom = async (): Promise<boolean> => (await spaceFault(config)) === null;
  return [
    { name: 'store', check: writes },
    { name: 'disk space', check: hasRoom },
  ];
}

/** Kept for requests over HTTP, files, and clients that are being turned away. */
const SPARE_FILES = 10;

/** Without descriptors the kernel drops clients and nobody hears of it: before that they are turned away with 421, and the log tells. */
function clientsOf(config: Config, log: Log): number {
  const room = fileRoom();
  const reserved = SPARE_FILES + relaysOf(config).reduce((sum, { connections }) => sum + connections, 0);
  const clients = room === null ? config.maxClients : roomForClients(room, reserved);
  if (room === null || clients >= config.maxClients) return config.maxClients;
  log.warn(
    { files: room.limit, clients, maxClients: config.maxClients },
    'this process may open too few files for maxClients: fewer clients are taken at once; raise its limit (ulimit -n, LimitNOFILE= of systemd)',
  );
  return clients;
}

export function listenerOptions(config: Config, queue: Queue, log: Log): ListenerOptions {
  const space = spaceOptions(config);
  return {
    queue,
    relayOfLoop: (draft, ids) => queue.relayOfLoop(draft, ids),
    clock: systemClock,
    log,
    listen: config.listen,
    inherited: inheritedSockets(process.env, process.pid),
    hostname: config.hostname,
    limits: config,
    bareLf: config.bareLf,
    maxConnections: clientsOf(config, log),
    maxErrors: config.maxErrors,
    idleTimeout: config.idleTimeout,
    stopTimeout: GRACE,
    clients: config.clients,
    routedHeaders: routedHeaders(config.routes),
    ...(config.tlsCert !== null &&
      config.tlsKey !== null && {
        tls: { cert: readNamed('tlsCert', config.tlsCert), key: readNamed('tlsKey', config.tlsKey) },
      }),
    ...(config.users.length > 0 && { authenticate: authenticator(config.users) }),
    ...(space !== null && { space }),
  };
}
