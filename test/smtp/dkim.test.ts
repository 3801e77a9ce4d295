/** DKIM: another implementation, dkimpy, verifies what lies in a real store, with keys made by openssl. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Queue } from '../../src/queue/queue.ts';
import { singleRelay } from '../../src/queue/route.ts';
import { defaultRetryPolicy } from '../../src/queue/schedule.ts';
import type { Store } from '../../src/queue/store.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { openStore } from '../../src/store/open.ts';
import { openSigner, type Signer, type SignerEntry } from '../../src/submission/dkim.ts';
import { Intake, type IntakeContext } from '../../src/submission/intake.ts';
import { isRejection } from '../../src/submission/rejections.ts';
import { CHUNK_SIZE } from '../../src/submission/spool.ts';
import { intakeContext, LIMITS, SocketClient, startListener, withoutTrace } from './server/harness.ts';

const PYTHON = '/usr/bin/python3';
const hasDkimpy = spawnSync(PYTHON, ['-c', 'import dkim'], { stdio: 'ignore' }).status === 0;
if (!hasDkimpy && process.env.CI === 'true') throw new Error('dkimpy is not installed, and CI must run its tests');
if (!hasDkimpy) console.warn('\n*** SKIPPED: dkimpy is not installed (python3-dkim), its tests do not run ***\n');

/** For each file that it is told of: the verdict on each signature, from the top. The first argument is the file with what DNS has. */
const VERIFY = `
import dkim, json, sys
def txt(name, timeout=5):
    found = json.load(open(sys.argv[1])).get(name.decode().rstrip('.').lower())
    return found and found.encode()
def verdict(content, i):
    try:
        return dkim.DKIM(content, minkey=1024).verify(i, dnsfunc=txt)
    except dkim.DKIMException as e:
        return str(e)
for line in iter(sys.stdin.readline, ''):
    content = open(line.rstrip('\\n'), 'rb').read()
    count = len([1 for name, _ in dkim.rfc822_parse(content)[0] if name.lower() == b'dkim-signature'])
    print(json.dumps([verdict(content, i) for i in range(count)]), flush=True)
`;

const folder = mkdtempSync(join(tmpdir(), 'posthaste-dkim-'));
const keyFile = join(folder, 'key.pem');
const publicKey = (file: string): string =>
  execFileSync('openssl', ['rsa', '-in', file, '-pubout', '-outform', 'DER'], { stdio: 'pipe' }).toString('base64');

let store: Store;
let queue: Queue;
let signer: Signer;

beforeAll(async () => {
  execFileSync('openssl', ['genrsa', '-out', keyFile, '2048'], { stdio: 'ignore' });
  const record = `v=DKIM1; k=rsa; p=${publicKey(keyFile)}`;
  const names = ['s1._domainkey.example.com', 's2._domainkey.news.example.com', 's3._domainkey.xn--gre-6ka8l.example'];
  writeFileSync(join(folder, 'dns.json'), JSON.stringify(Object.fromEntries(names.map((name) => [name, record]))));
  signer = openSigner([
    { domain: 'Example.com', selector: 's1', key: { file: keyFile } },
    { domain: 'news.example.com', selector: 's2', key: { value: readFileSync(keyFile, 'utf8') } },
    { domain: 'grüße.example', selector: 's3', key: { file: keyFile } },
  ]) as Signer;
  store = await openStore(`sqlite:${join(folder, 'queue.db')}`, { log: silentLog });
  queue = new Queue({ store, clock: systemClock, log: silentLog, router: singleRelay, policy: defaultRetryPolicy });
});
afterAll(async () => {
  python?.stdin?.end();
  if (python !== undefined && python.exitCode === null) await once(python, 'exit');
  await store.close();
  rmSync(folder, { recursive: true });
});

function intakeOf(changes: Partial<IntakeContext> = {}): Intake {
  const limits = { ...LIMITS, maxMessageSize: 64_000_000, maxHeaderSize: 4_000_000 };
  return new Intake(intakeContext(queue, { signer, limits, ...changes }), {
    envelope: { sender: 'bounce@other.example', recipients: [{ address: 'b@x.example' }], smtputf8: true },
    origin: 'smtp',
    from: { name: 'client.example.com', address: '127.0.0.1', protocol: 'ESMTP' },
  });
}

interface Kept {
  readonly content: Buffer;
  readonly size: number | undefined;
}

/** What the store has of a content that came in pieces of so many octets. */
async function stored(content: string | Buffer, step = 100_000, changes: Partial<IntakeContext> = {}): Promise<Kept> {
  const bytes = Buffer.from(content);
  const intake = intakeOf(changes);
  for (let at = 0; at < bytes.length; at += step) await intake.write(bytes.subarray(at, at + step));
  const result = await intake.finish();
  if (isRejection(result)) throw new Error(result.text);
  return kept(result.id);
}

async function kept(id: string): Promise<Kept> {
  const content = Buffer.concat(await Array.fromAsync(queue.content(id)));
  return { content, size: (await queue.get(id))?.message.size };
}

let python: ChildProcess | undefined;
let answers: AsyncIterator<string> | undefined;

/** One process for all: to start it takes a second. */
async function verdicts({ content }: Kept): Promise<unknown> {
  const file = join(folder, 'message.eml');
  writeFileSync(file, content);
  python ??= spawn(PYTHON, ['-c', VERIFY, join(folder, 'dns.json')], { stdio: ['pipe', 'pipe', 'inherit'] });
  answers ??= createInterface({ input: python.stdout as Readable })[Symbol.asyncIterator]();
  python.stdin?.write(`${file}\n`);
  const { value, done } = await answers.next();
  if (done === true) throw new Error('the verifier has ended');
  return JSON.parse(value);
}

/** The value of a tag of the topmost signature; undefined where there is none. */
function tag({ content }: Kept, name: string): string | undefined {
  const field = /^DKIM-Signature: [\s\S]*?\r\n(?![ \t])/m.exec(content.toString('latin1'))?.[0];
  return field === undefined ? undefined : new RegExp(`[ ;]${name}=([^;]*)`).exec(field)?.[1]?.replace(/\s/g, '');
}

const HEADER = 'From: A <a@example.com>\r\nTo: b@x.example\r\nSubject: s\r\nDate: d\r\nMessage-ID: <1@x>\r\n';
const LINE = `${'ü  x\t'.repeat(100)} \r\n`;
/** Of 4 MB. */
const LARGE = `${HEADER}\r\n${LINE.repeat(Math.ceil((12 * CHUNK_SIZE) / LINE.length))}\r\n\r\n\r\n`;

describe.skipIf(!hasDkimpy)('dkimpy verifies', () => {
  test.each([
    ['a small message', `${HEADER}\r\nHello.\r\n`],
    ['octets above 127, white space and bare dots', `${HEADER}X: ü\r\n\r\n  Grüße \t x  \r\n.\r\n..\r\n`],
    ['a folded header in UTF-8', `${HEADER.replace('s\r\n', 'Grüße\r\n \tan\r\n  alle \r\n')}\r\nx\r\n`],
    ['a body without octets', `${HEADER}\r\n`],
    ['a content without a body', HEADER],
    ['empty lines only', `${HEADER}\r\n\r\n\r\n\r\n`],
    ['empty lines at the end', `${HEADER}\r\nx\r\n\r\n \r\n\r\n`],
    ['a last line without an end', `${HEADER}\r\nx\r\ny`],
    ['Latin-1', Buffer.from(`${HEADER}\r\nGr\xfc\xdfe\r\n`, 'latin1')],
    ['a header without Date and Message-ID, which we add', 'From: a@example.com\r\n\r\nx\r\n'],
    ['what loses its Bcc', `${HEADER}Bcc: c@x.example\r\n\r\nx\r\n`],
    ['a message that was relayed before', `Received: by x; d\r\nReturn-Path: <x@y>\r\n${HEADER}\r\nx\r\n`],
    ['a large message', LARGE],
    ['a header larger than a chunk', `${`X-Long: ${'x'.repeat(900)}\r\n`.repeat(600)}${HEADER}\r\nx\r\n`],
  ])('%s', async (_, content) => {
    const message = await stored(content);
    expect(await verdicts(message)).toEqual([true]);
    expect(message.size).toBe(message.content.length);
  });

  test('the same however the content is cut', async () => {
    const content = `${HEADER}\r\nü  x \r\n\r\n y\r\n\r\n\r\n`;
    for (const step of [1, 2, 3, 7]) expect(await verdicts(await stored(content, step))).toEqual([true]);
  });

  test('bare line feeds that became CRLF', async () => {
    const message = await stored(`${HEADER}\r\nx \r\ny\r\n`.replaceAll('\r\n', '\n'), 5, { bareLf: 'normalise' });
    expect(await verdicts(message)).toEqual([true]);
  });

  test('a second signature beside one that is there already, which stays as good as it was', async () => {
    const first = await stored(`${HEADER}\r\nx\r\n`);
    const second = await stored(withoutTrace(first.content));
    expect(await verdicts(second)).toEqual([true, true]);
  });

  test('not what was changed', async () => {
    const { content, size } = await stored(`${HEADER}\r\nx\r\n`);
    const changed = (from: string, to: string): Kept => ({
      content: Buffer.from(`${content}`.replace(from, to)),
      size,
    });
    expect(await verdicts(changed('Subject: s', 'Subject: t'))).toEqual([false]);
    expect(await verdicts(changed('\r\nx\r\n', '\r\ny\r\n'))).toEqual([expect.stringContaining('body hash mismatch')]);
  });

  test('what a relay gave its own Received, Date and Message-ID, as Amazon SES does', async () => {
    const { content, size } = await stored(`${HEADER}\r\nx\r\n`);
    const text = `${content}`.replace('Date: d', 'Date: e').replace('<1@x>', '<2@ses>');
    expect(await verdicts({ content: Buffer.from(`Received: by ses\r\n${text}`), size })).toEqual([true]);
  });

  test('what came by SMTP', async () => {
    const listener = await startListener(queue, { signer });
    const client = await SocketClient.connect(listener.port);
    client.write(`EHLO c\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n${HEADER}\r\n..\r\n.\r\n`);
    const id = /queued as (\S+)/.exec(await client.until(/^250 2\.0\.0 queued as/m))?.[1] as string;
    client.destroy();
    await listener.stop();
    expect(await verdicts(await kept(id))).toEqual([true]);
  });
});

describe('the signature', () => {
  test('stands below our Received field, and all else is as it came', async () => {
    for (const content of [`${HEADER}\r\nx\r\n`, LARGE]) {
      const message = await stored(content);
      const [fields = ''] = /^Received: [\s\S]*?DKIM-Signature: [\s\S]*?\r\n(?![ \t])/.exec(`${message.content}`) ?? [];
      expect(fields.match(/^[\w-]+:/gm)).toEqual(['Received:', 'DKIM-Signature:']);
      expect(message.content.subarray(fields.length).equals(Buffer.from(content))).toBe(true);
    }
  });

  test('covers what one-click unsubscribing needs, and neither trace nor what relays replace', async () => {
    const message = await stored(`List-Unsubscribe: <x>\r\nList-Unsubscribe-Post: y\r\nReceived: z\r\n${HEADER}\r\nx`);
    expect(tag(message, 'h')).toBe('from:subject:to:list-unsubscribe:list-unsubscribe-post');
  });

  test.each([
    ['a@example.com', 'example.com', 's1'],
    ['"b@other.example" <a@EXAMPLE.COM>', 'example.com', 's1'],
    ['x@news.example.com', 'news.example.com', 's2'],
    ['x@shop.example.com', 'example.com', 's1'],
    ['x@a.b.news.example.com', 'news.example.com', 's2'],
    ['Ü <ü@GRÜSSE.grüße.example>', 'xn--gre-6ka8l.example', 's3'],
    ['x@xn--gre-6ka8l.example', 'xn--gre-6ka8l.example', 's3'],
    ['\r\n "A,\r\n B" <a@example.com>, c@other.example', 'example.com', 's1'],
    ['Us: a@example.com;', 'example.com', 's1'],
  ])('of From %j is by %s', async (from, domain, selector) => {
    const message = await stored(`From: ${from}\r\n\r\nx\r\n`);
    expect([tag(message, 'd'), tag(message, 's')]).toEqual([domain, selector]);
  });

  test.each([
    ['mail of other domains', 'From: a@other.example\r\nSender: a@example.com\r\n'],
    ['a domain that only ends alike', 'From: a@badexample.com\r\n'],
    ['a name that looks like an address', 'From: "a@example.com" <x@other.example>\r\n'],
    ['mail without From', 'Sender: a@example.com\r\n'],
    ['mail with two From fields', 'From: a@example.com\r\nFrom: b@example.com\r\n'],
    ['an empty From', 'From: <>\r\n'],
    ['a domain longer than any', `From: a@${'x.'.repeat(30_000)}example.com\r\n`],
    ['a From longer than any', `From: a@example.com${',\r\n b@example.com'.repeat(10_000)}\r\n`],
    ['no mail at all', ''],
  ])('is not there for %s', async (_, header) => {
    for (const body of ['x\r\n', LINE.repeat(Math.ceil((2 * CHUNK_SIZE) / LINE.length))]) {
      const content = `Date: d\r\nMessage-ID: <1@x>\r\n${header}\r\n${body}`;
      const message = await stored(content);
      expect(withoutTrace(message.content).equals(Buffer.from(content))).toBe(true);
      expect(message.size).toBe(message.content.length);
    }
  });
});

test.each(['while it is being stored', 'before its end'])(
  'a large message given up %s leaves nothing behind',
  async (when) => {
    const intake = intakeOf();
    const written = intake.write(Buffer.from(LARGE));
    if (when === 'before its end') await written;
    await intake.abort();
    await written;
    const chunks = [0, 1, 2, 3, 4].map((sequence) => store.contentChunk(intake.id, sequence));
    expect(await Promise.all(chunks)).toEqual([null, null, null, null, null]);
  },
);

describe('a key is refused at the start, with its domain and file, when', () => {
  const made = (name: string, ...args: string[]): string => {
    const file = join(folder, name);
    execFileSync('openssl', ['genpkey', '-out', file, ...args], { stdio: 'ignore' });
    return file;
  };
  const entry = (file: string, changes: Partial<SignerEntry> = {}): SignerEntry => ({
    domain: 'example.com',
    selector: 's',
    key: { file },
    ...changes,
  });

  test.each<[string, () => SignerEntry[], RegExp]>([
    ['its file is missing', () => [entry(join(folder, 'none.pem'))], /of example\.com in .*none\.pem .*ENOENT/],
    [
      'it is no PEM',
      () => [entry('', { key: { value: 'secret' } })],
      /^The DKIM key of example\.com cannot be used: (?!.*secret)/,
    ],
    [
      'it wants a passphrase',
      () => [entry(made('locked.pem', '-algorithm', 'RSA', '-aes128', '-pass', 'pass:x'))],
      /passphrase/,
    ],
    [
      'it is no RSA key',
      () => [entry(made('ed.pem', '-algorithm', 'ed25519'))],
      /in .*ed\.pem .*must be RSA and is ed25519/,
    ],
    [
      'it is short',
      () => [entry(made('short.pem', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:768'))],
      /768 bits/,
    ],
    ['its selector is no name', () => [entry(keyFile, { selector: 'a; d=b' })], /selector "a; d=b"/],
    ['its domain is no name', () => [entry(keyFile, { domain: 'a b' })], /no name of a domain/],
    ['its domain has one already', () => [entry(keyFile), entry(keyFile, { domain: 'EXAMPLE.com' })], /another key/],
  ])('%s', (_, entries, why) => {
    const given = entries();
    const message = expect.stringMatching(why);
    expect(() => openSigner(given)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message }));
  });

  test('but no keys are no signer', () => {
    expect(openSigner([])).toBeUndefined();
  });
});
