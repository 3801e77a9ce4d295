/** A queue of its own, and the built program linked as sendmail, mailq and newaliases, as it would be installed. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { Delivery } from '../../src/queue/delivery.ts';
import type { Message } from '../../src/queue/message.ts';
import { openStore } from '../../src/store/open.ts';
import { BIN, type Ran, run } from '../support/posthaste.ts';

export interface Kept {
  readonly message: Message;
  readonly deliveries: readonly Delivery[];
  readonly recipients: readonly string[];
  /** With the Received field on top, CRLF made LF. */
  readonly content: string;
}

export interface CallOptions {
  readonly input?: string | Uint8Array;
  readonly environment?: Readonly<Record<string, string>>;
}

export class Sandbox implements Disposable {
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), 'posthaste-sendmail-')));
  readonly data = join(this.path, 'data');
  readonly bin = join(this.path, 'bin');
  readonly environment: Readonly<Record<string, string>>;

  constructor(settings: Readonly<Record<string, string>> = {}) {
    mkdirSync(this.bin);
    for (const name of ['sendmail', 'mailq', 'newaliases']) symlinkSync(BIN, join(this.bin, name));
    this.environment = {
      POSTHASTE_DATA_DIR: this.data,
      POSTHASTE_HOSTNAME: 'host.example',
      POSTHASTE_LISTEN: '127.0.0.1:0',
      // The program begins with `env node`: here it must find ours, as cron must find the machine's.
      PATH: [dirname(process.execPath), process.env.PATH ?? ''].join(delimiter),
      ...settings,
    };
  }

  /** Where programs look for it. */
  get program(): string {
    return join(this.bin, 'sendmail');
  }

  /** Any program, with this queue in its environment. */
  run(command: string, args: readonly string[], { input = '', environment }: CallOptions = {}): Promise<Ran> {
    return run(command, args, { input, cwd: this.path, environment: { ...this.environment, ...environment } });
  }

  sendmail(args: readonly string[], input: string | Uint8Array = '', environment = {}): Promise<Ran> {
    return this.run(this.program, args, { input, environment });
  }

  /** The messages of the queue, the oldest first. */
  async kept(): Promise<readonly Kept[]> {
    const store = await openStore(join(this.data, 'posthaste.db'), { here: true });
    try {
      const { rows } = await store.find({}, { limit: 1000 });
      const ids = [...new Set(rows.map(({ id }) => id))].toReversed();
      return await Promise.all(ids.map((id) => keptOf(store, id)));
    } finally {
      await store.close();
    }
  }

  /** The only message. */
  async only(): Promise<Kept> {
    const [first, ...more] = await this.kept();
    if (first === undefined || more.length > 0) throw new Error(`${more.length + (first ? 1 : 0)} messages, not one`);
    return first;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

async function keptOf(store: Awaited<ReturnType<typeof openStore>>, id: string): Promise<Kept> {
  const found = await store.get(id);
  if (found === null) throw new Error(`no message ${id}`);
  const chunks: Uint8Array[] = [];
  for (let chunk = await store.contentChunk(id, 0); chunk !== null; chunk = await store.contentChunk(id, chunks.length))
    chunks.push(chunk);
  const content = Buffer.concat(chunks).toString('latin1').replaceAll('\r\n', '\n');
  const recipients = found.deliveries.map(({ recipient }) => recipient);
  return { message: found.message, deliveries: found.deliveries, recipients, content };
}
