/** The check of a DKIM key, against a name server of the test's own that speaks DNS over UDP. */
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SignerEntry } from '../../src/submission/dkim.ts';
import { type AskTxt, checkDkim as checkAll, type DkimReport } from '../../src/submission/dkim-check.ts';

const NAME = 's1._domainkey.example.com';
const records = new Map<string, string>();
let server: Socket;
let ask: AskTxt;

/** Answers with the TXT record of the name, in chunks of 255 octets; with NXDOMAIN for a name that has none. */
function answer(query: Buffer): Buffer {
  const end = query.indexOf(0, 12) + 5;
  const name = labels(query.subarray(12, end - 4)).join('.');
  const text = records.get(name);
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(text === undefined ? 0x8583 : 0x8580, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(text === undefined ? 0 : 1, 6);
  header.writeUInt32BE(0, 8);
  if (text === undefined) return Buffer.concat([header, query.subarray(12, end)]);
  const chunks = (text.match(/.{1,255}/gs) ?? ['']).map((chunk) => Buffer.from(` ${chunk}`));
  for (const chunk of chunks) chunk[0] = chunk.length - 1;
  const data = Buffer.concat(chunks);
  const fixed = Buffer.from([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 0, data.length >> 8, data.length & 0xff]);
  return Buffer.concat([header, query.subarray(12, end), fixed, data]);
}

function labels(octets: Buffer): string[] {
  const length = octets[0] ?? 0;
  if (length === 0) return [];
  return [octets.toString('latin1', 1, length + 1).toLowerCase(), ...labels(octets.subarray(length + 1))];
}

beforeAll(async () => {
  server = createSocket('udp4', (query, from) => server.send(answer(query), from.port, from.address));
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  const resolver = new Resolver();
  resolver.setServers([`127.0.0.1:${server.address().port}`]);
  ask = (name) => resolver.resolveTxt(name);
});

afterAll(() => server.close());

const rsa = (bits: number): KeyObject => generateKeyPairSync('rsa', { modulusLength: bits }).privateKey;
const key = rsa(2048);
const pem = (from: KeyObject): string => from.export({ type: 'pkcs8', format: 'pem' }).toString();
const published = (from: KeyObject, type: 'spki' | 'pkcs1' = 'spki'): string =>
  createPublicKey(from).export({ type, format: 'der' }).toString('base64');

async function checkDkim(entry: SignerEntry, by: AskTxt): Promise<DkimReport | undefined> {
  return (await checkAll([entry], by))[0];
}

function check(record: string | undefined, from = key): Promise<DkimReport | undefined> {
  records.clear();
  if (record !== undefined) records.set(NAME, record);
  return checkDkim({ domain: 'Example.com', selector: 's1', key: { value: pem(from) } }, ask);
}

const signs = 'example.com signs with RSA 2048';
const publish = `publish this TXT record there: v=DKIM1; k=rsa; p=${published(key)}`;

test.each([
  ['as everybody writes it', `v=DKIM1; k=rsa; p=${published(key)}`],
  ['with white space and no version', `k = rsa ;p= ${published(key).replace(/(.{50})/g, '$1 ')} `],
  ['in the form of the RFC', `v=DKIM1; p=${published(key, 'pkcs1')}`],
])('a key is well that DNS has too, %s', async (_, record) => {
  expect(await check(record)).toEqual({ level: 'ok', text: `${signs}, and DNS has its public key at ${NAME}` });
});

test.each([
  ['is not there', undefined, `DNS has nothing at ${NAME}: ${publish}`],
  ['is something else', 'hello', `DNS has no key at ${NAME}: ${publish}`],
  ['is another', `v=DKIM1; p=${published(rsa(2048))}`, `DNS has another key at ${NAME}: ${publish}`],
  ['is revoked', 'v=DKIM1; p=', `DNS says at ${NAME} that the key is revoked: make a new one with another selector`],
])('a public key that %s is a warning that says what to do', async (_, record, words) => {
  expect(await check(record)).toEqual({ level: 'warning', text: `${signs}, but ${words}` });
});

test('a key that is short is a warning, one that is too short a fault', async () => {
  const short = rsa(1024);
  expect(await check(`p=${published(short)}`, short)).toMatchObject({
    level: 'warning',
    text: expect.stringContaining('make a key of 2048 bits'),
  });
  expect(await check(undefined, rsa(768))).toMatchObject({
    level: 'fault',
    text: expect.stringMatching(/the key has 768 bits, and verifiers want 1024 at least\. Make one: openssl genrsa/),
  });
});

test('a file that cannot be read is a fault, and DNS is not asked', async () => {
  const entry = { domain: 'example.com', selector: 's1', key: { file: '/nowhere/key.pem' } };
  const unasked = (): never => {
    throw new Error('asked');
  };
  const text = expect.stringContaining('/nowhere/key.pem');
  expect(await checkDkim(entry, unasked)).toEqual({ level: 'fault', part: 'key', text });
});

test('DNS that does not answer is a warning', async () => {
  const silent = createSocket('udp4');
  silent.bind(0, '127.0.0.1');
  await once(silent, 'listening');
  const resolver = new Resolver({ timeout: 50, tries: 1 });
  resolver.setServers([`127.0.0.1:${silent.address().port}`]);
  const entry = { domain: 'example.com', selector: 's1', key: { value: pem(key) } };
  const report = await checkDkim(entry, (name) => resolver.resolveTxt(name)).finally(() => silent.close());
  expect(report).toEqual({
    level: 'warning',
    text: `${signs}, but DNS could not be asked for ${NAME} (ETIMEOUT): look with dig TXT ${NAME}`,
  });
});
