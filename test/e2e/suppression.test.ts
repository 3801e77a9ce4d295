/** Suppressed recipients on every way in, and before sending: the built program, a real relay. */
import { readFileSync } from 'node:fs';
import { createTransport } from 'nodemailer';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type MailQueue, openQueue } from '../../src/index.ts';
import { listKey } from '../../src/mail/address.ts';
import { type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import { posthaste, serve, temporaryFolder } from '../support/posthaste.ts';

let folder: ReturnType<typeof temporaryFolder>;
let relay: ScriptedRelay;
let queue: MailQueue;

beforeEach(async () => {
  folder = temporaryFolder();
  relay = await startRelay();
  queue = await openQueue({ dataDir: folder.path, relay: `smtp://127.0.0.1:${relay.port}` });
});

afterEach(async () => {
  await queue.close();
  await relay.close();
  folder[Symbol.dispose]();
});

const mail = {
  ...{ from: 'app@example.com', subject: 'x', text: 'x' },
  to: ['yes@example.org', 'NO@Example.org'],
  cc: ['any@GONE.example', 'cc@example.org'],
  bcc: ['Eve@bücher.example', 'bcc@example.org'],
};
const welcome = ['yes@example.org', 'cc@example.org', 'bcc@example.org'];
const targets = ['no@example.ORG', '@gone.example', 'eve@xn--bcher-kva.example'];

/** What the queue says of a message, once nothing of it waits: by recipient, how it ended. */
async function ends(id: string): Promise<Record<string, string>> {
  const found = await queue.get(id);
  return Object.fromEntries(
    (found?.deliveries ?? []).map(({ recipient, state, reason }) => [listKey(recipient), reason ?? state]),
  );
}

const mixed = Object.fromEntries(
  [...mail.to, ...mail.cc, ...mail.bcc].map((to) => [listKey(to), welcome.includes(to) ? 'sent' : 'suppressed']),
);

test('the library, Nodemailer, SMTP and send: to, cc and bcc get nothing once they are suppressed', async () => {
  await queue.suppress(targets);
  const server = serve({ dataDir: folder.path, relay: `smtp://127.0.0.1:${relay.port}` });
  const { port } = await server.ready();
  const own = await queue.submit(mail);
  const plugged = await createTransport(queue.transport()).sendMail(mail);
  const client = createTransport({ host: '127.0.0.1', port });
  const remote = await client.sendMail(mail);
  const flags = [...mail.to, ...mail.cc, ...mail.bcc].flatMap((to) => ['--to', to]);
  const sent = await posthaste(folder.path, 'send', '--from', 'app@example.com', '--text', 'x', ...flags);
  const ids = [own.id, plugged.id, /queued as (\S+)/.exec(remote.response)?.[1] ?? '', sent.stdout.trim()];
  await server.atLeast(3 * 4, (line) => line.msg === 'sent');
  for (const id of ids) expect(await ends(id)).toEqual(mixed);
  expect(relay.received.map(({ recipients }) => recipients.toSorted())).toEqual(Array(4).fill(welcome.toSorted()));
  const refused = [own, plugged].map(({ accepted, rejected }) => [accepted, rejected.length]);
  expect(refused).toEqual([
    [welcome, 3],
    [welcome, 3],
  ]);
  const told = server.lines.filter((line) => line.msg === 'bounced' && line.reason === 'suppressed');
  expect(told).toEqual([
    expect.objectContaining({ id: ids[2], to: ['NO@example.org', 'any@gone.example', expect.stringMatching(/^Eve@/)] }),
  ]);
  expect(await server.stop()).toBe(0);
});

test('a message of which all recipients are suppressed ends as suppressed, never sent, and says since when and why', async () => {
  await queue.suppress([{ target: '@example.org', reason: 'domain closed', since: Date.UTC(2026, 10, 2, 10, 14) }]);
  const { id, accepted, rejected } = await queue.submit({ ...mail, cc: [], bcc: [] });
  expect([accepted, rejected]).toEqual([[], ['yes@example.org', 'NO@example.org']]);
  expect(await ends(id)).toEqual({ 'yes@example.org': 'suppressed', 'no@example.org': 'suppressed' });
  await posthaste(folder.path, 'work', '--once', '--relay', `smtp://127.0.0.1:${relay.port}`);
  expect(relay.received).toEqual([]);
  const shown = await posthaste(folder.path, 'show', id);
  const why = 'suppressed with all of @example.org since 2026-11-02 10:14 UTC: domain closed';
  expect(shown.stdout).toContain(`never sent: its recipient is ${why}`);
  const listed = await posthaste(folder.path, 'list', '--suppressed');
  expect(listed.stdout).toMatch(new RegExp(`suppressed .*yes@example\\.org .*${why.slice(0, 30)}`));
  // Nobody is sent a report: the list is an order, not a failure.
  expect(await queue.count({ reports: true })).toBe(0);
});

test('who is suppressed after the submission gets nothing either, and the log says so', async () => {
  const { id } = await queue.submit(mail);
  await queue.suppress(targets);
  const ran = await posthaste(
    folder.path,
    'work',
    '--once',
    '--log-level',
    'info',
    '--relay',
    `smtp://127.0.0.1:${relay.port}`,
  );
  expect(await ends(id)).toEqual(mixed);
  expect(relay.received.map(({ recipients }) => recipients)).toEqual([welcome]);
  const bounced = ran.stdout.split('\n').filter((line) => line.includes('"bounced"'));
  expect(bounced).toHaveLength(3);
  expect(bounced[0]).toContain('550 5.7.1 suppressed since');
});

test('who is taken out of the list, or whose time is over, gets mail again; what had ended goes out when it is retried', async () => {
  await queue.suppress([
    { target: 'a@example.org', until: Date.now() + 3_600_000 },
    { target: 'b@example.org', since: 0, until: Date.now() - 1 },
  ]);
  const to = ['a@example.org', 'b@example.org'];
  const { id, rejected } = await queue.submit({ ...mail, to, cc: [], bcc: [] });
  expect(rejected).toEqual(['a@example.org']);
  expect((await queue.suppression('A@EXAMPLE.org'))?.target).toBe('a@example.org');
  expect(await queue.suppression('b@example.org')).toBeNull();
  expect((await Array.fromAsync(queue.suppressions())).map(({ target }) => target)).toEqual(to);
  expect(await queue.unsuppress('a@example.org')).toBe(1);
  const retried = await posthaste(folder.path, 'retry', '--suppressed', '--recipient', '@example.org', '--yes');
  expect(retried.stdout).toBe('1 delivery queued for an attempt at once\n');
  await posthaste(folder.path, 'work', '--once', '--relay', `smtp://127.0.0.1:${relay.port}`);
  expect(await ends(id)).toEqual({ 'a@example.org': 'sent', 'b@example.org': 'sent' });
});

test('the program of docs/suppression.md does what it says', async () => {
  const page = readFileSync(new URL('../../docs/suppression.md', import.meta.url), 'utf8');
  const [, text = ''] = /```js\n(.*?)```/s.exec(page) ?? [];
  const said: unknown[][] = [];
  const logger = { log: (...words: unknown[]) => said.push(words) };
  const program = `return async (queue, console) => {${text}}`;
  await new Function(program)()(queue, logger);
  expect(said).toEqual([
    ['@example.org', 'domain is for sale'],
    ['bob@example.com', 'asked'],
  ]);
  expect((await Array.fromAsync(queue.suppressions())).map(({ target }) => target)).toEqual(['@example.org']);
});

test.each([
  [
    'a name without an @',
    'example.org',
    '"example.org" is no address and no @domain: it has no local part and domain with an @ between them',
  ],
  ['an end before its beginning', { target: 'a@b.org', since: 2e12, until: 2e12 }, 'until is not later than since'],
  [
    'an endless reason',
    { target: 'a@b.org', reason: 'x'.repeat(501) },
    'the reason is no text of at most 500 characters',
  ],
])('suppress refuses %s, and then keeps nothing', async (_, entry, fault) => {
  const message = `A suppression is refused: ${fault}.`;
  await expect(queue.suppress(['fine@example.org', entry])).rejects.toMatchObject({
    ...{ code: 'SUPPRESSION_INVALID', message },
  });
  expect(await Array.fromAsync(queue.suppressions())).toEqual([]);
});
