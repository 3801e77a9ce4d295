/** The little SMTP that a measurement speaks itself: is a server ready, and how long does each message take to be accepted. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface LatencyLoad {
  readonly port: number;
  readonly sessions: number;
  readonly messages: number;
  /** Octets of the body. */
  readonly size: number;
  /** Send all messages of a session over one connection. */
  readonly keepConnections: boolean;
}

/** A connection that sends a text and waits for the reply to it, strictly in turn, as smtp-source does. */
class Dialog {
  readonly #socket: Socket;
  #buffer = '';
  #waiting: { resolve: (reply: string) => void; reject: (error: Error) => void } | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => this.#take(text));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the server closed the connection')));
  }

  static async open(port: number): Promise<Dialog> {
    const socket = connect({ host: '127.0.0.1', port });
    const dialog = new Dialog(socket);
    await dialog.reply(220);
    return dialog;
  }

  reply(code: number): Promise<void> {
    return new Promise<string>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#take('');
    }).then((reply) => {
      if (!reply.startsWith(String(code))) throw new Error(`expected ${code}, got ${reply.trim()}`);
    });
  }

  ask(text: string | Buffer, code: number): Promise<void> {
    const answered = this.reply(code);
    this.#socket.write(text);
    return answered;
  }

  close(): void {
    this.#socket.end('QUIT\r\n');
    this.#socket.once('data', () => this.#socket.destroy());
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #take(text: string): void {
    this.#buffer += text;
    const waiting = this.#waiting;
    if (waiting === undefined || !/^\d{3} .*\r\n$/m.test(this.#buffer)) return;
    this.#waiting = undefined;
    const reply = this.#buffer;
    this.#buffer = '';
    waiting.resolve(reply);
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}

/** Resolves once the port greets with 220; rejects when it has not by the deadline. */
export async function untilReady(port: number, deadlineMs: number): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    try {
      const dialog = await Dialog.open(port);
      dialog.close();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw new Error(`nothing greets on port ${port}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Milliseconds that each message took: from the connection (or, with kept connections, from MAIL) to the 250 after its end. */
export async function measureLatencies(load: LatencyLoad): Promise<number[]> {
  const latencies: number[] = [];
  const data = content(load.size);
  let left = load.messages;
  const session = async (): Promise<void> => {
    let dialog: Dialog | undefined;
    while (left-- > 0) {
      const begun = performance.now();
      dialog ??= await greet(load.port);
      await sendOne(dialog, data);
      latencies.push(performance.now() - begun);
      if (!load.keepConnections) {
        dialog.close();
        dialog = undefined;
      }
    }
    dialog?.close();
  };
  await Promise.all(Array.from({ length: load.sessions }, session));
  return latencies;
}

async function greet(port: number): Promise<Dialog> {
  const dialog = await Dialog.open(port);
  await dialog.ask('EHLO bench.example\r\n', 250);
  return dialog;
}

async function sendOne(dialog: Dialog, data: Buffer): Promise<void> {
  await dialog.ask('MAIL FROM:<from@bench.example>\r\n', 250);
  await dialog.ask('RCPT TO:<to@bench.example>\r\n', 250);
  await dialog.ask('DATA\r\n', 354);
  await dialog.ask(data, 250);
}

/** Header, `size` octets of lines, and the final dot. */
function content(size: number): Buffer {
  const header = 'From: <from@bench.example>\r\nTo: <to@bench.example>\r\nSubject: bench\r\n';
  const line = `${'x'.repeat(78)}\r\n`;
  const body = line.repeat(Math.ceil(size / line.length)).slice(0, size - 2);
  return Buffer.from(`${header}Date: ${new Date().toUTCString()}\r\n\r\n${body}\r\n.\r\n`, 'latin1');
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
