/** A client that keeps submitting, whatever happens to the server, and remembers exactly which messages it heard a 250 for. */
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** Before a client whose connection ended tries again, ms: without it, it takes a processor from the server that is starting. */
const RECONNECT = 20;

/** One SMTP dialogue, reply by reply. Rejects when the connection ends. */
class Talk {
  readonly #socket: Socket;
  #rest = '';
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (text: string) => {
      this.#rest += text;
      this.#wake();
    });
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  async reply(): Promise<string> {
    for (;;) {
      const whole = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3} [^\r\n]*\r\n/.exec(this.#rest);
      if (whole !== null) {
        this.#rest = this.#rest.slice(whole[0].length);
        return whole[0];
      }
      if (this.#ended) throw new Error('the connection ended');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async ask(text: string): Promise<string> {
    this.#socket.write(text, 'latin1');
    return this.reply();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

export interface Load {
  /** Names of the messages that were answered with 250 at the end of their data. */
  readonly acknowledged: Set<string>;
  /** Resolves as soon as that many more were acknowledged. */
  more(count: number): Promise<void>;
  /** Ends when every session has. */
  stop(): Promise<void>;
}

/** Starts sessions that submit one small message after the other; each has its own name in Subject and recipient. */
export function startLoad(port: number, sessions: number, prefix = 'm'): Load {
  const acknowledged = new Set<string>();
  let stopped = false;
  const waiting = new Set<() => void>();

  const session = async (number: number): Promise<void> => {
    for (let i = 0; !stopped; ) {
      const talk = new Talk(port);
      try {
        await talk.reply();
        await talk.ask('EHLO load.example\r\n');
        while (!stopped) {
          const name = `${prefix}${number}-${i++}`;
          await talk.ask('MAIL FROM:<load@example.org>\r\n');
          await talk.ask(`RCPT TO:<${name}@example.com>\r\n`);
          await talk.ask('DATA\r\n');
          const answer = await talk.ask(`Subject: ${name}\r\n\r\n${'x'.repeat(500)}\r\n.\r\n`);
          if (answer.startsWith('250')) acknowledged.add(name);
          for (const look of [...waiting]) look();
        }
      } catch {
        // Killed under our hands: what was not acknowledged may or may not be there.
        await pause(RECONNECT);
      } finally {
        talk.destroy();
      }
    }
  };
  const running = Array.from({ length: sessions }, (_, number) => session(number));

  return {
    acknowledged,
    more(count) {
      const goal = acknowledged.size + count;
      return new Promise((resolve) => {
        const look = (): void => {
          if (acknowledged.size < goal) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      });
    },
    async stop() {
      stopped = true;
      await Promise.all(running);
    },
  };
}

/** Submits one message and answers with the reply to its end of data. */
export async function submitOne(
  port: number,
  recipients: readonly string[],
  content: string,
  sender = 'a@example.org',
): Promise<string> {
  const talk = new Talk(port);
  try {
    await talk.reply();
    await talk.ask('EHLO test.example\r\n');
    await talk.ask(`MAIL FROM:<${sender}>\r\n`);
    for (const recipient of recipients) await talk.ask(`RCPT TO:<${recipient}>\r\n`);
    await talk.ask('DATA\r\n');
    const stuffed = Buffer.from(content.replace(/^\./gm, '..'), 'utf8').toString('latin1');
    return await talk.ask(`${stuffed}\r\n.\r\n`);
  } finally {
    talk.destroy();
  }
}
