/** Mail into folders: what lies there, under what name, and what a disk that refuses does. */
import { execFileSync } from 'node:child_process';
import { chmod, chown, type FileHandle, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Outcome } from '../../src/mail/outcome.ts';
import { FileTransport } from '../../src/transport/file.ts';
import { content, envelope, kinds, never, streamed, toOne } from '../smtp/client/mail.ts';

let folder: string;

/** No disk breaks on demand: here its error is put in where Node would have told it, for folders alone. */
async function withBrokenFolders<T>(work: () => Promise<T>): Promise<T> {
  const handle = await open(folder, 'r');
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const whole = prototype.sync;
  const broken = vi.spyOn(prototype, 'sync').mockImplementation(async function (this: FileHandle) {
    if ((await this.stat()).isDirectory()) throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' });
    await whole.call(this);
  });
  try {
    return await work();
  } finally {
    broken.mockRestore();
  }
}

/** Whom no permission is overlooked for. */
const NOBODY = 65534;

async function giveAway(top: string): Promise<void> {
  const inside = await readdir(top, { recursive: true });
  await Promise.all([top, ...inside.map((name) => join(top, name))].map((path) => chown(path, NOBODY, NOBODY)));
}

/** Sends one message by a process that is not root's; all is loaded before it changes its user. */
function sendAsNobody(into: string, format: string): readonly Outcome[] {
  const program = `const { FileTransport } = await import(process.argv[1]);
if (process.getuid() === 0) process.setuid(${NOBODY});
const [folder, format] = process.argv.slice(2);
const mail = { sender: 'a@example.com', recipients: [{ address: 'b@example.com' }], smtputf8: false };
const content = { size: 1, eightBit: false, chunks: () => [Buffer.from('x')] };
const outcomes = await new FileTransport({ folder, format }).send(mail, content, new AbortController().signal);
console.log(JSON.stringify(outcomes));`;
  const source = new URL('../../src/transport/file.ts', import.meta.url).href;
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', program, source, into, format]);
  return JSON.parse(said.toString()) as readonly Outcome[];
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'posthaste-file-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const two = envelope('a@example.com', 'b@example.com');
const TRACE = 'Return-Path: <sender@example.com>\r\nDelivered-To: a@example.com\r\nDelivered-To: b@example.com\r\n';

describe('a Maildir', () => {
  test('has each message in new, with the line ends of the machine and the envelope in front', async () => {
    const transport = new FileTransport({ folder: join(folder, 'deep/box') });
    const pieces = ['Subject: x\r', '\n\r\nbody\r\n\rend\r'];
    const size = pieces.join('').length;
    const chunked = streamed(size, async function* () {
      for (const piece of pieces) yield Buffer.from(piece);
    });
    const outcomes = await transport.send(two, chunked, never);
    expect(kinds(outcomes)).toEqual(['sent', 'sent']);
    const [name, ...rest] = await readdir(join(folder, 'deep/box/new'));
    expect(rest).toEqual([]);
    expect(outcomes[0]?.reply.text).toContain(name);
    const text = await readFile(join(folder, 'deep/box/new', name as string), 'utf8');
    expect(text).toBe(`${TRACE.replaceAll('\r\n', '\n')}Subject: x\n\nbody\n\rend\r`);
    expect(await readdir(join(folder, 'deep/box/tmp'))).toEqual([]);
  });

  test("is one to another program: Python's mailbox reads it", async () => {
    const transport = new FileTransport({ folder });
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => transport.send(toOne, content(`Subject: n${i}\r\n\r\nx\r\n`), never)),
    );
    const program = `import mailbox, sys
box = mailbox.Maildir(sys.argv[1], create=False)
print(sorted(int(m['subject'][1:]) for m in box), set(m['delivered-to'] for m in box))`;
    const said = execFileSync('python3', ['-c', program, folder], { encoding: 'utf8' });
    expect(said.trim()).toBe(`[${Array.from({ length: 20 }, (_, i) => i).join(', ')}] {'rcpt@example.com'}`);
  });
});

describe('a folder of .eml files', () => {
  test('has the bytes as they were, behind the envelope', async () => {
    const bytes = Buffer.from('Subject: x\r\n\r\n.\r\n\xff\n', 'latin1');
    await new FileTransport({ folder, format: 'eml' }).send({ ...two, sender: null }, content(bytes), never);
    const [name, ...rest] = await readdir(folder);
    expect(rest).toEqual([]);
    expect(name).toMatch(/^\d{4}-\d\d-\d\dT.*\.eml$/);
    const file = await readFile(join(folder, name as string));
    expect(file.equals(Buffer.concat([Buffer.from(TRACE.replace('sender@example.com', '')), bytes]))).toBe(true);
  });
});

describe.each(['maildir', 'eml'] as const)('%s', (format) => {
  const files = async (): Promise<string[]> =>
    (await readdir(folder, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map(({ name }) => name);

  test('leaves nothing of a content that cannot be read, and of one that is too short', async () => {
    const transport = new FileTransport({ folder, format });
    const broken = streamed(1000, async function* () {
      yield Buffer.from('Subject: x\r\n');
      throw new Error('disk on fire');
    });
    await expect(transport.send(toOne, broken, never)).rejects.toThrow('disk on fire');
    await expect(transport.send(toOne, { ...content('x'), size: 2 }, never)).rejects.toThrow('1 octets instead of 2');
    expect(await files()).toEqual([]);
  });

  test('gives up at a signal', async () => {
    const controller = new AbortController();
    const endless = streamed(2_000_000, async function* () {
      yield Buffer.from('x');
      controller.abort();
      yield Buffer.from('y');
    });
    const outcomes = await new FileTransport({ folder, format }).send(toOne, endless, controller.signal);
    expect(kinds(outcomes)).toEqual(['deferred relay']);
    expect(await files()).toEqual([]);
  });

  test('a disk that refuses is a fault of the relay, and is tried again', async () => {
    await writeFile(join(folder, 'box'), 'a file where a folder should be');
    const transport = new FileTransport({ folder: join(folder, 'box'), format });
    const [outcome] = await transport.send(toOne, content(), never);
    expect(outcome).toMatchObject({ kind: 'deferred', scope: 'relay', reply: { code: 451, status: '4.3.0' } });
    expect(outcome?.reply.text).toContain('cannot be written');
    await rm(join(folder, 'box'));
    expect(kinds(await transport.send(toOne, content(), never))).toEqual(['sent']);
    await chmod(join(folder, 'box'), 0o700);
  });

  test.runIf(process.platform === 'linux')(
    'a place where no folder can be made is a fault of the relay, at once',
    async () => {
      const transport = new FileTransport({ folder: '/proc/no-such-place/deep/box', format });
      const [outcome] = await transport.send(toOne, content(), never);
      expect(outcome).toMatchObject({ kind: 'deferred', scope: 'relay' });
      expect(outcome?.reply.text).toMatch(/^\/proc\/no-such-place\/deep\/box cannot be written: ENOENT/);
    },
  );

  test('a folder that is taken away while we run is made again for the next message', async () => {
    const box = join(folder, 'box');
    const transport = new FileTransport({ folder: box, format });
    expect(kinds(await transport.send(toOne, content(), never))).toEqual(['sent']);
    await rm(box, { recursive: true });
    expect(kinds(await transport.send(toOne, content(), never))).toEqual(['deferred relay']);
    expect(kinds(await transport.send(toOne, content(), never))).toEqual(['sent']);
  });

  test('a folder that many messages want at once is made once, with those above it', async () => {
    const deep = join(folder, 'a/b/c');
    const transports = Array.from({ length: 5 }, () => new FileTransport({ folder: deep, format }));
    const outcomes = await Promise.all(transports.map((each) => each.send(toOne, content(), never)));
    expect(outcomes.flatMap(kinds)).toEqual(Array(5).fill('sent'));
  });

  test.runIf(process.platform !== 'win32')(
    'a folder that could take the message, but not be opened to be synced, gets none, and no copy at each try',
    async () => {
      const final = format === 'maildir' ? join(folder, 'new') : folder;
      await new FileTransport({ folder, format }).send(toOne, content(), never);
      const before = (await files()).length;
      await chmod(folder, 0o711);
      if (process.getuid?.() === 0) await giveAway(folder);
      // May be written to and not be opened.
      await chmod(final, 0o300);
      const [outcome] = sendAsNobody(folder, format);
      await chmod(final, 0o700);
      expect(outcome).toMatchObject({ kind: 'deferred', scope: 'relay', inDoubt: false, reply: { code: 451 } });
      expect(outcome?.reply.text).toContain(`${folder} cannot be written: EACCES`);
      expect(await files()).toHaveLength(before);
    },
  );

  test('a folder whose sync fails has the message, perhaps for good: it is in doubt', async () => {
    const transport = new FileTransport({ folder, format });
    const [outcome] = await withBrokenFolders(() => transport.send(toOne, content(), never));
    expect(outcome).toMatchObject({ kind: 'deferred', scope: 'message', inDoubt: true, reply: { code: 451 } });
    expect(outcome?.reply.text).toMatch(/ has the message, but cannot be synced: EIO/);
    expect(await files()).toHaveLength(1);
  });

  test.runIf(process.platform === 'linux')('a full disk is told as such', async () => {
    const transport = new FileTransport({ folder: '/dev/full', format });
    // Not a folder: what matters is that nothing throws and nothing is lost.
    expect(kinds(await transport.send(toOne, content(), never))).toEqual(['deferred relay']);
  });
});
