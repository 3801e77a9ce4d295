/** Proxies for tests: real ones on loopback, which let through, refuse, or say nonsense. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface ProxyBehaviour {
  readonly user?: string;
  readonly password?: string;
  /** Said instead of connecting. */
  readonly refusal?: Buffer;
  /** Names that it knows, and their ports on loopback. */
  readonly names?: Readonly<Record<string, number>>;
}

export class TestProxy {
  readonly kind: 'socks5' | 'http';
  /** What it was asked for: `host:port`. */
  readonly targets: string[] = [];
  readonly behaviour: ProxyBehaviour;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(kind: 'socks5' | 'http', behaviour: ProxyBehaviour = {}) {
    this.kind = kind;
    this.behaviour = behaviour;
    this.#server = createServer((socket) => {
      this.#keep(socket);
      void (kind === 'socks5' ? this.#socks(new Reader(socket)) : this.#http(new Reader(socket))).catch(() =>
        socket.destroy(),
      );
    });
  }

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  url(login = ''): string {
    return `${this.kind}://${login}127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
  }

  async #socks(client: Reader): Promise<void> {
    const [, count = 0] = await client.read(2);
    const methods = await client.read(count);
    const { user, password } = this.behaviour;
    if (user === undefined) {
      client.socket.write(Buffer.from([5, 0]));
    } else if (!methods.includes(2)) {
      client.socket.end(Buffer.from([5, 255]));
      return;
    } else {
      client.socket.write(Buffer.from([5, 2]));
      const [, length = 0] = await client.read(2);
      const name = (await client.read(length)).toString();
      const [size = 0] = await client.read(1);
      const right = name === user && (await client.read(size)).toString() === password;
      client.socket.write(Buffer.from([1, right ? 0 : 1]));
      if (!right) return;
    }
    const [, , , kind] = await client.read(4);
    const host = await this.#socksHost(client, kind ?? 0);
    const port = (await client.read(2)).readUInt16BE();
    await this.#pass(
      client,
      host,
      port,
      Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]),
      Buffer.from([5, 5, 0, 1, 0, 0, 0, 0, 0, 0]),
    );
  }

  async #socksHost(client: Reader, kind: number): Promise<string> {
    if (kind === 1) return [...(await client.read(4))].join('.');
    if (kind === 4) return (await client.read(16)).toString('hex');
    const [length = 0] = await client.read(1);
    return (await client.read(length)).toString();
  }

  async #http(client: Reader): Promise<void> {
    const head = await client.readUntil('\r\n\r\n');
    const { user, password } = this.behaviour;
    const right = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    if (user !== undefined && !head.includes(`Proxy-Authorization: ${right}\r\n`)) {
      client.socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const [, host = '', port = ''] = /^CONNECT (.*):(\d+) HTTP\/1\.1\r\n/.exec(head) ?? [];
    const refused = Buffer.from('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n');
    await this.#pass(
      client,
      host,
      Number(port),
      Buffer.from('HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n'),
      refused,
    );
  }

  async #pass(client: Reader, host: string, port: number, granted: Buffer, refused: Buffer): Promise<void> {
    this.targets.push(`${host}:${port}`);
    const { refusal, names = {} } = this.behaviour;
    if (refusal !== undefined) {
      client.socket.write(refusal);
      return;
    }
    const relay = connect({ host: '127.0.0.1', port: names[host] ?? port });
    this.#keep(relay);
    relay.once('error', () => client.socket.end(refused));
    await once(relay, 'connect');
    // Together with the greeting, where it comes in time: the client must not lose what follows the answer.
    const greeting = await Promise.race([once(relay, 'data'), once(client.socket, 'close')]);
    client.socket.write(Buffer.concat([granted, greeting[0] instanceof Buffer ? greeting[0] : Buffer.alloc(0)]));
    client.release().pipe(relay).pipe(client.socket);
  }
}

/** Reads a socket by count. */
class Reader {
  readonly socket: Socket;
  #bytes = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.socket = socket;
  }

  async read(count: number): Promise<Buffer> {
    while (this.#bytes.length < count) await this.#more();
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return taken;
  }

  async readUntil(end: string): Promise<string> {
    while (!this.#bytes.includes(end)) await this.#more();
    return (await this.read(this.#bytes.indexOf(end) + end.length)).toString();
  }

  release(): Socket {
    return this.socket;
  }

  async #more(): Promise<void> {
    const chunk = await new Promise<Buffer>((resolve, reject) => {
      this.socket.once('close', () => reject(new Error('closed')));
      const read = (): void => {
        const bytes: Buffer | null = this.socket.read();
        if (bytes === null) this.socket.once('readable', read);
        else resolve(bytes);
      };
      read();
    });
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
  }
}
