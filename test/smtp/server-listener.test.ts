/** The listener on real sockets: greeting to goodbye, limits, silence, and the end. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/runtime/clock.ts';
import { type Log, type LogFields, silentLog } from '../../src/runtime/log.ts';
import { SmtpListener } from '../../src/submission/smtp/listener.ts';
import { listenerOptions, NOON, RecordingQueue, SocketClient, startListener, withoutTrace } from './server/harness.ts';

const ENVELOPE = 'EHLO c\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\n';
const MESSAGE = 'Date: d\r\nMessage-ID: <1@x>\r\n\r\nbody\r\n';

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function serve(queue: RecordingQueue, changes = {}): Promise<SmtpListener & { port: number }> {
  const listener = await startListener(queue, changes);
  ends.push(() => listener.stop());
  return listener;
}

async function dial(listener: { readonly port: number }): Promise<SocketClient> {
  const client = await SocketClient.connect(listener.port);
  ends.push(() => client.destroy());
  return client;
}

/** Resolves when `check` holds; asked after each turn of the event loop. */
async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setImmediate(resolve));
}

/** A promise that somebody else resolves. */
function gate(): { promise: Promise<void>; open: () => void } {
  let open: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}

describe('a message', () => {
  test('is answered with its queue id only after it is durable', async () => {
    const queue = new RecordingQueue();
    const commit = gate();
    const submitting = gate();
    queue.beforeSubmit = () => {
      submitting.open();
      return commit.promise;
    };
    const client = await dial(await serve(queue));
    client.write(`${ENVELOPE}DATA\r\n${MESSAGE}.\r\nNOOP\r\n`);
    await client.until(/^354 /m);
    await submitting.promise;
    expect(client.text).toBe('');
    commit.open();
    const reply = await client.until(/^250 2\.0\.0 queued as/m);
    expect(reply).toBe(`250 2.0.0 queued as ${queue.kept[0]?.draft.id}\r\n`);
    expect(withoutTrace(queue.kept[0]?.content as Buffer).toString()).toBe(MESSAGE);
    await client.until(/^250 2\.0\.0 ok/m);
  });

  test('of many sent in one go are answered each, in order', async () => {
    const queue = new RecordingQueue();
    const client = await dial(await serve(queue));
    const transaction = `MAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n${MESSAGE}.\r\n`;
    client.write(`EHLO c\r\n${transaction.repeat(300)}QUIT\r\n`);
    await client.until(/^221 /m);
    expect(queue.kept).toHaveLength(300);
    await client.closed();
  });

  test('from a client that closes its side at once is answered still', async () => {
    const queue = new RecordingQueue();
    const client = await dial(await serve(queue));
    client.socket.end(`${ENVELOPE}DATA\r\n${MESSAGE}.\r\n`);
    await client.until(/^250 2\.0\.0 queued as/m);
    await client.closed();
  });

  test('that breaks off leaves nothing, also what was staged', async () => {
    const queue = new RecordingQueue();
    const client = await dial(await serve(queue));
    client.write(`${ENVELOPE}DATA\r\n\r\n`);
    client.write(`${'x'.repeat(998)}\r\n`.repeat(600));
    await until(() => queue.staged.size === 1);
    client.destroy();
    await until(() => queue.staged.size === 0);
    expect(queue.kept).toEqual([]);
  });

  test('that the store cannot take is answered 451, and the session goes on', async () => {
    const queue = new RecordingQueue();
    queue.beforeSubmit = () => Promise.reject(new Error('no'));
    const client = await dial(await serve(queue));
    client.write(`${ENVELOPE}DATA\r\n${MESSAGE}.\r\nNOOP\r\n`);
    await client.until(/^451 4\.3\.0 /m);
    await client.until(/^250 2\.0\.0 ok/m);
  });

  test('is not read faster than the store takes it', async () => {
    const queue = new RecordingQueue();
    const store = gate();
    queue.beforeStage = () => store.promise;
    const client = await dial(await serve(queue));
    client.write(`${ENVELOPE}DATA\r\n\r\n`);
    const octets = 60_000_000;
    client.write(`${'x'.repeat(998)}\r\n`.repeat(octets / 1000));
    // The kernel's buffers fill, and then nothing moves any more.
    let before = -1;
    while (client.socket.writableLength !== before) {
      before = client.socket.writableLength;
      for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(client.socket.writableLength).toBeGreaterThan(octets / 2);
    store.open();
    client.write('.\r\n');
    await client.until(/^552 /m);
  });
});

describe('a client', () => {
  test('beyond the limit of connections is sent away, and may come when another has left', async () => {
    const listener = await serve(new RecordingQueue(), { maxConnections: 1 });
    const first = await dial(listener);
    await first.until(/^220 /m);
    const second = await dial(listener);
    expect(await second.line()).toMatch(/^421 4\.7\.0 too many connections/);
    await second.closed();
    first.write('QUIT\r\n');
    await first.closed();
    const third = await dial(listener);
    expect(await third.line()).toMatch(/^220 /);
  });

  test('in a loop beyond the limit of connections causes one line at once and one for each span', async () => {
    const lines: LogFields[] = [];
    const info = (fields: LogFields, event: string): void => void lines.push({ ...fields, event });
    const clock = new ManualClock(NOON);
    const options = { maxConnections: 1, clock, log: { ...silentLog, info } };
    const listener = await serve(new RecordingQueue(), options);
    await (await dial(listener)).until(/^220 /m);
    for (let i = 0; i < 50; i++) await (await dial(listener)).until(/^421 /m);
    const first = { event: 'connection refused', client: '127.0.0.1', reply: expect.stringMatching(/^too many/) };
    expect(lines).toEqual([first]);
    clock.moveTo(NOON + 10_000);
    expect(lines.slice(1)).toEqual([{ ...first, times: 49, withinMs: 10_000 }]);
    await (await dial(listener)).until(/^421 /m);
    await listener.stop();
    expect(lines.slice(2)).toEqual([{ ...first, times: 1, withinMs: 10_000 }]);
  });

  test('that is silent is told so and disconnected, when the clock says', async () => {
    const clock = new ManualClock(NOON);
    const client = await dial(await serve(new RecordingQueue(), { clock, idleTimeout: 1000 }));
    await client.until(/^220 /m);
    clock.moveTo(NOON + 900);
    client.write('NOOP\r\n');
    await client.until(/^250 /m);
    clock.moveTo(NOON + 1_899);
    client.write('NOOP\r\n');
    await client.until(/^250 /m);
    clock.moveTo(NOON + 2_899);
    expect(await client.line()).toMatch(/^421 4\.4\.2 /);
    await client.closed();
  });

  test('is not silent while it waits for us', async () => {
    const clock = new ManualClock(NOON);
    const queue = new RecordingQueue();
    const commit = gate();
    const submitting = gate();
    queue.beforeSubmit = () => {
      submitting.open();
      return commit.promise;
    };
    const client = await dial(await serve(queue, { clock, idleTimeout: 1000 }));
    client.write(`${ENVELOPE}DATA\r\n${MESSAGE}.\r\n`);
    await submitting.promise;
    clock.moveTo(NOON + 10_000);
    commit.open();
    await client.until(/^250 2\.0\.0 queued as/m);
  });

  test('that reads no replies is not answered without bound', async () => {
    const client = await dial(await serve(new RecordingQueue()));
    await client.until(/^220 /m);
    client.socket.pause();
    // 16 MB of commands and 32 MB of replies: more than the kernel's buffers hold on either way.
    const group = `HELP ${'x'.repeat(33)}\r\n`.repeat(10_000);
    let before = -1;
    for (let i = 0; i < 40; i++) client.write(group);
    while (client.socket.writableLength !== before) {
      before = client.socket.writableLength;
      for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(client.socket.writableLength).toBeGreaterThan(0);
    client.socket.resume();
    client.write('QUIT\r\n');
    await client.closed();
    expect(client.text.endsWith('221 2.0.0 goodbye\r\n')).toBe(true);
  });

  test('whose line never ends is told once it ends', async () => {
    const client = await dial(await serve(new RecordingQueue()));
    client.write('x'.repeat(3_000_000));
    client.write('\r\nNOOP\r\n');
    await client.until(/^500 5\.5\.6 /m);
    await client.until(/^250 /m);
  });

  test('is named in the log, with what it was refused, escaped', async () => {
    const lines: { readonly fields: LogFields; readonly event: string }[] = [];
    const note = (fields: LogFields, event: string): void => void lines.push({ fields, event });
    const log: Log = { debug: note, info: note, warn: note, error: note };
    const client = await dial(await serve(new RecordingQueue(), { log }));
    client.write('HELO c\r\nMAIL FROM:<\u202Ex>\r\nAUTH PLAIN c2VjcmV0\r\n');
    await client.until(/^502 /m);
    const told = { client: '127.0.0.1', reply: '553 5.1.7 malformed sender address', command: 'MAIL FROM:<\\u202ex>' };
    expect(lines).toContainEqual({ fields: told, event: 'refused' });
    expect(lines).toContainEqual({
      fields: expect.objectContaining({ client: '127.0.0.1' }),
      event: 'client connected',
    });
    expect(JSON.stringify(lines)).not.toContain('c2VjcmV0');
  });

  test.each([
    ['a space before AUTH', ' AUTH PLAIN c2VjcmV0\r\n\tAUTH PLAIN c2VjcmV0\r\nAUTH=PLAIN c2VjcmV0\r\n'],
    ['lines behind an AUTH that is refused', 'AUTH LOGIN\r\nYW5u\r\nc2VjcmV0\r\n'],
  ])('whose password comes in %s finds none of it in the log', async (_, said) => {
    const lines: unknown[] = [];
    const note = (fields: LogFields, event: string): void => void lines.push({ ...fields, event });
    const log: Log = { debug: note, info: note, warn: note, error: note };
    const client = await dial(await serve(new RecordingQueue(), { log }));
    client.write(`EHLO c\r\n${said}NOOP\r\n`);
    await client.until(/^250 2\.0\.0 ok/m);
    expect(lines).toContainEqual(expect.objectContaining({ event: 'refused', command: 'AUTH' }));
    expect(JSON.stringify(lines)).not.toMatch(/c2VjcmV0/i);
  });

  test('is named in the log with the message that was refused', async () => {
    const lines: unknown[] = [];
    const note = (fields: LogFields, event: string): void => void lines.push({ ...fields, event });
    const client = await dial(
      await serve(new RecordingQueue(), { log: { debug: note, info: note, warn: note, error: note } }),
    );
    client.write(`${ENVELOPE}DATA\r\na\nb\r\n.\r\n`);
    await client.until(/^550 /m);
    const told = { from: 'a@x.example', to: ['b@x.example'], reply: expect.stringMatching(/^550 5\.6\.11 .*bareLf/) };
    expect(lines).toContainEqual({ id: expect.any(String), client: '127.0.0.1', event: 'message refused', ...told });
  });

  test('whose session fails for a fault of ours hears 421, and others go on', async () => {
    const queue = new RecordingQueue();
    const listener = await serve(queue);
    queue.newId = () => {
      throw new Error('a fault');
    };
    const client = await dial(listener);
    client.write(`${ENVELOPE}DATA\r\n`);
    await client.until(/^421 4\.3\.0 /m);
    await client.closed();
    expect(await (await dial(listener)).line()).toMatch(/^220 /);
  });

  test('hears 452 at MAIL while the disk is full', async () => {
    const space = { freeSpace: async () => 5, minimum: 10 };
    const client = await dial(await serve(new RecordingQueue(), { space }));
    client.write(ENVELOPE);
    await client.until(/^452 4\.3\.1 /m);
  });
});

describe('a listener that stops', () => {
  test('says goodbye to idle clients and takes no new ones', async () => {
    const listener = await serve(new RecordingQueue());
    const client = await dial(listener);
    await client.until(/^220 /m);
    const stopping = listener.stop();
    expect(await client.line()).toMatch(/^421 4\.3\.2 shutting down/);
    await client.closed();
    await stopping;
    await expect(SocketClient.connect(listener.port)).rejects.toThrow('ECONNREFUSED');
  });

  test('lets a content that is under way end, and answers it', async () => {
    const queue = new RecordingQueue();
    const listener = await serve(queue);
    const client = await dial(listener);
    client.write(`${ENVELOPE}DATA\r\n`);
    await client.until(/^354 /m);
    const stopping = listener.stop();
    client.write(`${MESSAGE}.\r\nMAIL FROM:<>\r\n`);
    await client.until(/^250 2\.0\.0 queued as/m);
    await client.until(/^421 4\.3\.2/m);
    await client.closed();
    await stopping;
    expect(queue.kept).toHaveLength(1);
  });

  test.each(['RSET', 'EHLO c', 'BDAT 3 LAST\r\nabc'])(
    'waits for chunks of BDAT, and no longer than %j',
    async (last) => {
      const listener = await serve(new RecordingQueue());
      const client = await dial(listener);
      client.write(`${ENVELOPE}BDAT 3\r\nabc`);
      await client.until(/^250 2\.0\.0 chunk received/m);
      const stopping = listener.stop();
      client.write(`BDAT 3\r\nabc${last}\r\nMAIL FROM:<>\r\n`);
      await client.until(/^250 2\.0\.0 chunk received/m);
      await client.until(/^250 /m);
      await client.until(/^421 4\.3\.2/m);
      await client.closed();
      await stopping;
    },
  );

  test('does not wait for such a content without end', async () => {
    const clock = new ManualClock(NOON);
    const queue = new RecordingQueue();
    const listener = await serve(queue, { clock, stopTimeout: 5_000 });
    const client = await dial(listener);
    client.write(`${ENVELOPE}DATA\r\n`);
    await client.until(/^354 /m);
    const stopping = listener.stop();
    clock.moveTo(NOON + 5_000);
    await stopping;
    await client.closed();
    expect(queue.kept).toEqual([]);
  });

  test('waits for a commit even when the client is gone', async () => {
    const queue = new RecordingQueue();
    const commit = gate();
    const submitting = gate();
    queue.beforeSubmit = () => {
      submitting.open();
      return commit.promise;
    };
    const listener = await serve(queue);
    const client = await dial(listener);
    client.write(`${ENVELOPE}DATA\r\n${MESSAGE}.\r\n`);
    await submitting.promise;
    client.destroy();
    let stopped = false;
    const stopping = listener.stop().then(() => {
      stopped = true;
    });
    for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(stopped).toBe(false);
    commit.open();
    await stopping;
    expect(queue.kept).toHaveLength(1);
  });

  test('may be stopped before it starts, twice, and started again', async () => {
    const listener = new SmtpListener(listenerOptions(new RecordingQueue()));
    await listener.stop();
    await listener.start();
    await Promise.all([listener.stop(), listener.stop()]);
    await listener.start();
    expect(listener.addresses[0]?.port).toBeGreaterThan(0);
    await listener.stop();
  });
});

describe('a listener refuses to start', () => {
  test('wider than loopback without a guard', () => {
    const listen = [{ host: '0.0.0.0', port: 0 }];
    expect(() => new SmtpListener(listenerOptions(new RecordingQueue(), { listen }))).toThrow(
      /0\.0\.0\.0 can be reached from other machines/,
    );
  });

  test('with a certificate that is none', () => {
    const tls = { cert: 'no', key: 'no' };
    expect(() => new SmtpListener(listenerOptions(new RecordingQueue(), { tls }))).toThrow(
      /The certificate or its key cannot be used/,
    );
  });

  test('on a port that is taken, and says which', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const listener = new SmtpListener(listenerOptions(new RecordingQueue(), { listen: [{ host: '127.0.0.1', port }] }));
    await expect(listener.start()).rejects.toThrow(
      new RegExp(
        `^Cannot listen on 127\\.0\\.0\\.1 port ${port}: .*EADDRINUSE.* the setting listen \\(--listen\\)\\.$`,
      ),
    );
    await listener.stop();
    other.close();
  });
});
