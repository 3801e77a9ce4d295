/** Who the shop tells what became of its mail: one that takes all of it, and one that is down for maintenance. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** As anybody would make one, so that nobody takes it for a secret. */
const SECRET = `whsec_${Buffer.alloc(32, 'demonstration').toString('base64')}`;

const PARTS = [
  { name: 'order-system', events: ['sent', 'bounced', 'suppressed'], status: 204, says: '' },
  { name: 'newsletter', events: ['bounced', 'suppressed'], status: 503, says: 'Closed for maintenance' },
] as const;

export interface Webhooks extends AsyncDisposable {
  /** For the setting `webhooks`. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** Starts them on free ports. */
export async function startWebhooks(): Promise<Webhooks> {
  const running = await Promise.all(PARTS.map(async (part) => ({ ...part, server: await listening(part) })));
  const settings = running.map(({ name, events, server }) => {
    const { port } = server.address() as AddressInfo;
    return [name, { url: `http://127.0.0.1:${port}/mail-events`, secret: SECRET, events }];
  });
  return {
    settings: Object.fromEntries(settings),
    async [Symbol.asyncDispose]() {
      for (const { server } of running) {
        server.close();
        server.closeAllConnections();
        await once(server, 'close');
      }
    },
  };
}

async function listening({ status, says }: (typeof PARTS)[number]) {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(status).end(says));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
