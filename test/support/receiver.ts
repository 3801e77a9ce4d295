/** A receiver of webhooks on a real socket: answers as it is told, and keeps what came, each with the signature checked by the text of the specification. */
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Of 32 octets. */
export const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
export const OTHER_SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;

export interface Received {
  readonly id: string;
  readonly timestamp: number;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of it is what it checks.
  readonly data: any;
  readonly text: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly signatures: readonly string[];
  /** What it was answered with. */
  readonly status: number;
}

export type Asked = Omit<Received, 'status'>;

/** A status, or what to do with the response. */
export type Answering = (received: Asked, response: ServerResponse) => number | undefined;

export class Receiver implements AsyncDisposable {
  readonly received: Received[] = [];
  /** Connections that came. */
  connections = 0;
  answering: Answering = () => 204;
  readonly #server = createServer((request, response) => void this.#take(request, response));
  readonly #waiting = new Set<() => void>();

  static async open(port = 0): Promise<Receiver> {
    const receiver = new Receiver();
    receiver.#server.on('connection', () => receiver.connections++);
    receiver.#server.listen(port, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = Buffer.concat(await Array.fromAsync(request)).toString();
    const { type, data } = JSON.parse(text) as Pick<Received, 'type' | 'data'>;
    const { headers, url = '' } = request;
    const id = String(headers['webhook-id']);
    const timestamp = Number(headers['webhook-timestamp']);
    const signatures = String(headers['webhook-signature']).split(' ');
    const received = { id, timestamp, type, data, text, url, headers, signatures };
    const status = this.answering(received, response);
    if (status !== undefined) response.writeHead(status).end();
    this.received.push({ ...received, status: status ?? 0 });
    for (const look of this.#waiting) look();
  }

  /** What was taken, in the order in which it came. */
  get taken(): readonly Received[] {
    return this.received.filter(({ status }) => status >= 200 && status < 300);
  }

  /** The types that each message was told, in order, by its queue id. */
  typesByMessage(): ReadonlyMap<string, readonly string[]> {
    const all = Map.groupBy(this.taken, ({ data }) => data.id as string);
    return new Map([...all].map(([id, some]) => [id, some.map(({ type }) => type)]));
  }

  until(fits: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!fits()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** standard-webhooks.md, "Verifying webhook authenticity": base64 of HMAC-SHA256 over `id.timestamp.body`. */
export function isSigned({ id, timestamp, text, signatures }: Received, secret: string): boolean {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const expected = createHmac('sha256', key).update([id, timestamp, text].join('.')).digest('base64');
  return signatures.includes(`v1,${expected}`);
}
