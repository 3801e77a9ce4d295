/** Attachments as they are downloaded: the octets that were sent, whatever they were sent in. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AdminBench } from '../support/admin.ts';

let bench: AdminBench;

beforeAll(async () => {
  bench = await AdminBench.open();
});

afterAll(() => bench[Symbol.asyncDispose]());

const CSV = 'a,\xe9\r\nb';
const CALENDAR = 'BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n\r\n';

/** A part with its header, whose lines have commas between them. */
const part = (header: string, body: string): string => `${header.replaceAll(', ', '\r\n')}\r\n\r\n${body}`;

const mixed = (boundary: string, ...parts: readonly string[]): string =>
  part(
    `Content-Type: multipart/mixed; boundary=${boundary}`,
    `${parts.map((each) => `--${boundary}\r\n${each}\r\n`).join('')}--${boundary}--\r\n`,
  );

/** Each attachment, in latin1. */
async function downloads(message: string): Promise<readonly string[]> {
  const sent = await bench.ask('/api/v1/messages/raw?from=%3C%3E&to=bob@example.org', {
    method: 'POST',
    headers: { 'content-type': 'message/rfc822' },
    body: Buffer.from(`Subject: x\r\nMIME-Version: 1.0\r\n${message}`, 'latin1'),
  });
  const url = `/messages/${sent.json.id}`;
  const { attachments } = (await bench.get(`${url}/content`)).json;
  const files: string[] = [];
  for (const { part: number, size } of attachments) {
    const file = await fetch(`${bench.origin}/api/v1${url}/attachments/${number}`);
    const octets = Buffer.from(await file.arrayBuffer());
    expect(octets.length).toBe(size);
    files.push(octets.toString('latin1'));
  }
  return files;
}

const QP = 'Content-Transfer-Encoding: quoted-printable';
const EIGHT = 'Content-Transfer-Encoding: 8bit';
const STREAM = 'Content-Type: application/octet-stream';
const TEXT = 'Content-Type: text/csv; charset=iso-8859-1';

test.each([
  ['in quoted-printable', part(`${STREAM}, ${QP}`, '=00=FF=0D=0Az'), '\0\xff\r\nz'],
  ['in quoted-printable over two lines', part(`${STREAM}, ${QP}`, 'one=\r\ntwo\r\n'), 'onetwo\r\n'],
  ['of text in quoted-printable', part(`${TEXT}, ${QP}`, 'a,=E9\r\nb'), CSV],
  ['of text in eight bits', part(`${TEXT}, ${EIGHT}`, CSV), CSV],
  ['of text without an encoding', part(TEXT, CSV), CSV],
  ['in base64', part(`${STREAM}, Content-Transfer-Encoding: base64`, 'AP8NCno='), '\0\xff\r\nz'],
  ['of a calendar', part('Content-Type: text/calendar; method=request', CALENDAR), CALENDAR],
  ['of a text file', part('Content-Type: text/plain, Content-Disposition: attachment', 'a\r\n\r\nb'), 'a\r\n\r\nb'],
  ['of nothing', part(STREAM, ''), ''],
  [
    'of a message',
    part('Content-Type: message/rfc822, Content-Disposition: attachment', 'A: b\r\n\r\nc'),
    'A: b\r\n\r\nc',
  ],
])('an attachment %s', async (_, attached, octets) => {
  expect(await downloads(mixed('b', part('Content-Type: text/plain', 'Hello'), attached))).toEqual([octets]);
});

test('several, in parts of parts and in a message within', async () => {
  const inner = mixed('in', part(TEXT, CSV), part(`${STREAM}, ${QP}`, '=00\r\n'));
  const message = part('Content-Type: message/rfc822', `Subject: inner\r\n${inner}`);
  const all = mixed('b', mixed('c', part(TEXT, 'x\r\n'), part(TEXT, CSV)), message, part(TEXT, '\r\n'));
  expect(await downloads(all)).toEqual(['x\r\n', CSV, CSV, '\0\r\n', '\r\n']);
});

test('a message that is nothing but a file, or breaks off in one', async () => {
  expect(await downloads(part(`${STREAM}, ${QP}`, 'a\r\nb=\r\n'))).toEqual(['a\r\nb']);
  const whole = mixed('b', part(TEXT, CSV));
  expect(await downloads(whole.slice(0, whole.indexOf('\r\n--b--')))).toEqual([expect.stringContaining(CSV)]);
});
