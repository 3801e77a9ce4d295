/** Who did what: written down for whatever way it was done. */
import { afterEach, describe, expect, test } from 'vitest';
import { LoginTrail } from '../../src/admin/login-trail.ts';
import { processUser } from '../../src/app/process-user.ts';
import { openQueue } from '../../src/index.ts';
import { Audit, type AuditRecord } from '../../src/queue/audit.ts';
import { Folder } from '../cli/command.ts';
import { AdminBench } from '../support/admin.ts';
import { Stage } from '../support/delivery.ts';
import { temporaryFolder } from '../support/posthaste.ts';

let bench: AdminBench;

afterEach(() => bench?.[Symbol.asyncDispose]());

const trail = async (query = ''): Promise<readonly AuditRecord[]> => (await bench.get(`/audit${query}`)).json.rows;

const submit = async (to: string): Promise<string> =>
  (await bench.post('/messages', { from: 'a@example.com', to, subject: 's', text: 't' })).json.id;

describe('over HTTP', () => {
  test('each change is written down with who, what, why and how much', async () => {
    bench = await AdminBench.open({ relays: { one: 'smtp://one.example', two: 'smtp://two.example' } });
    const id = await submit('bob@example.org');
    await submit('eve@example.org');
    await bench.post('/messages/hold', { filter: { recipient: 'eve@example.org' } });
    await bench.post('/messages/retry', { filter: { relay: 'one', deferred: true }, reason: 'the relay is back' });
    await bench.post('/messages/reroute', { ids: [id], to: 'two' });
    await bench.post('/messages/cancel', { ids: [id] });
    await bench.post('/relays/one/pause', { reason: 'moves' });
    await bench.post('/suppressions', { entries: [{ target: 'zed@example.org', reason: 'complaint' }] });
    await bench.post('/suppressions/remove', { targets: ['zed@example.org'] });
    const headers = { 'content-type': 'text/csv' };
    const body = 'target\na@example.net\nb@example.net\nnobody\n';
    await bench.ask('/api/v1/suppressions/import', { method: 'POST', headers, body });
    const rows = (await trail()).toReversed();
    expect(rows.map(({ action, count, reason }) => [action, count, reason])).toEqual([
      ['hold', 1, null],
      ['retry', 0, 'the relay is back'],
      ['reroute', 1, null],
      ['cancel', 1, null],
      ['pause', 1, 'moves'],
      ['suppress', 1, 'complaint'],
      ['unsuppress', 1, null],
      ['suppress import', 2, null],
    ]);
    const who = { by: 'local', role: 'operator', from: '127.0.0.1', result: 'done', error: null };
    for (const row of rows) expect(row).toMatchObject(who);
    expect(rows.map(({ what }) => what)).toEqual([
      { states: ['queued'], recipient: 'eve@example.org' },
      { states: ['queued'], relay: 'one', deferred: true },
      { ids: [id], states: ['queued', 'held'], to: 'two' },
      { ids: [id], states: ['queued', 'held', 'captured'] },
      { relay: 'one' },
      { targets: ['zed@example.org'] },
      { targets: ['zed@example.org'] },
      { source: 'the list' },
    ]);
    expect((await trail('?action=cancel&by=local')).map(({ what }) => what)).toEqual([rows[3]?.what]);
    expect(await trail('?by=nobody')).toEqual([]);
    const unknown = await bench.get('/audit?action=zzz');
    expect([unknown.status, unknown.json.detail]).toEqual([400, expect.stringMatching(/action.*"cancel".*"login"/)]);
  });

  test('a dry run is nothing, and what fails is told with its reason', async () => {
    bench = await AdminBench.open();
    await bench.post('/messages/cancel', { all: true, dryRun: true });
    await bench.post('/suppressions', { entries: [{ target: 'no address' }] });
    expect(await trail()).toMatchObject([
      { action: 'suppress', result: 'failed', count: null, error: expect.stringContaining('"no address" is no') },
    ]);
  });

  test('of ten thousand ids the first are kept, and how many more there were', async () => {
    bench = await AdminBench.open();
    const ids = Array.from({ length: 10_000 }, () => bench.app.queue.newId());
    await bench.post('/messages/cancel', { ids });
    const [row] = await trail();
    expect(row?.what).toMatchObject({ ids: ids.slice(0, 20), idsMore: 9_980 });
  });

  test('logins are written down, and of refused ones no more than a disk bears', async () => {
    bench = await AdminBench.open({ adminUsers: 'ann:right', adminViewers: 'vera:watch' });
    expect((await bench.post('/session', { name: 'ann', password: 'right' })).status).toBe(200);
    // The sixth must wait, and is no try.
    for (let i = 0; i < 6; i++) await bench.post('/session', { name: `guess${i}`, password: 'x' });
    const basic = { authorization: `Basic ${Buffer.from('vera:watch').toString('base64')}` };
    const logins = async (): Promise<readonly AuditRecord[]> =>
      (await bench.app.store.audit({ action: 'login' }, { limit: 50 })).rows;
    await expect.poll(logins, { timeout: 60_000 }).toHaveLength(6);
    const rows = await logins();
    expect(rows.at(-1)).toMatchObject({ by: 'ann', role: 'operator', result: 'done' });
    expect(rows.at(-2)).toMatchObject({ by: 'guess0', role: 'unknown', from: '127.0.0.1', result: 'failed' });
    // The address must wait now, also with a right password.
    expect((await bench.get('/audit', basic)).status).toBe(429);
  });
});

test('commands are written down with the user and the machine, and told by posthaste audit', async () => {
  using folder = new Folder();
  const id = await folder.say('send', '--from', 'a@example.com', '--to', 'b@example.org', '--text', 'x');
  await folder.say('hold', id);
  await folder.say('cancel', '--all', '--yes', '--reason', 'sent by\tmistake', '--dry-run');
  await folder.say('cancel', '--all', '--yes', '--reason', 'sent by mistake');
  await folder.say('pause', 'default');
  await folder.out('suppress', 'add', 'x@example.org');
  await folder.say('purge', '--older-than', '0');
  const rows = await folder.json('audit');
  expect(rows.map(({ action, count, result }) => [action, count, result])).toEqual([
    ['purge', 1, 'done'],
    ['suppress', 1, 'done'],
    ['pause', 1, 'done'],
    ['cancel', 1, 'done'],
    ['hold', 1, 'done'],
  ]);
  for (const row of rows) expect(row).toMatchObject({ by: processUser(), role: 'command', from: null });
  expect(rows.at(-1)?.what).toMatchObject({ ids: [id] });
  const text = await folder.say('audit', '--action', 'cancel');
  expect(text).toMatch(/^TIME +BY +ACTION +COUNT +RESULT +WHAT\n.*\n1 record$/s);
  expect(text).toContain('states=queued,held (sent by mistake)');
  expect(await folder.say('audit', '--by', 'nobody')).toBe('nothing was changed');
  expect(await folder.run(['audit', '--action', 'zzz'])).toMatchObject({
    code: 64,
    stderr: expect.stringMatching(/'zzz' is invalid\. Allowed choices are hold, .*cancel/),
  });
  expect(await folder.say('audit', '--limit', '2')).toMatch(/2 records shown; --limit shows more$/);
});

test('the library is written down as the user of its process', async () => {
  using folder = temporaryFolder();
  await using queue = await openQueue({ dataDir: folder.path });
  const { id } = await queue.submit({ from: 'a@example.com', to: 'b@example.org', text: 'x' });
  await queue.hold(id);
  await queue.release(id);
  await queue.suppress({ target: 'c@example.org' });
  await expect(queue.suppress({ target: 'c' })).rejects.toThrow();
  const handler = queue.admin({ authorize: () => ({ name: 'vera', role: 'viewer' }) });
  const { rows } = (await (await handler(new Request('http://localhost/api/v1/audit'))).json()) as {
    rows: AuditRecord[];
  };
  expect(rows.map(({ action, result }) => [action, result])).toEqual([
    ['suppress', 'failed'],
    ['suppress', 'done'],
    ['release', 'done'],
    ['hold', 'done'],
  ]);
  expect(rows[0]).toMatchObject({ by: processUser(), role: 'library' });
});

test('of refused logins beyond the first of ten minutes only the number is kept', async () => {
  await using stage = await Stage.open();
  const { store, clock, log } = stage;
  const trail = new LoginTrail({ audit: new Audit({ store, clock, log }), clock, log });
  const rows = async (): Promise<readonly AuditRecord[]> => (await store.audit({}, { limit: 500 })).rows;
  for (let i = 0; i < 200; i++) trail.refused(`guess${i}`, `192.0.2.${i}`);
  await expect.poll(rows, { timeout: 60_000 }).toHaveLength(20);
  clock.moveTo(clock.now() + 10 * 60_000);
  await expect.poll(rows, { timeout: 60_000 }).toHaveLength(21);
  expect((await rows())[0]).toMatchObject({ action: 'login', by: '', from: null, count: 180, result: 'failed' });
  trail.refused('again', '192.0.2.1');
  await expect.poll(rows, { timeout: 60_000 }).toHaveLength(22);
});

test('the janitor forgets what is older than it is to be kept', async () => {
  await using stage = await Stage.open();
  const { store, clock, log } = stage;
  const audit = new Audit({ store, clock, log });
  const ann = { name: 'ann', role: 'operator', from: null } as const;
  const done = { result: 'done', count: 1, error: null } as const;
  await audit.note(ann, { action: 'hold', what: {} }, done);
  clock.moveTo(clock.now() + 86_400_000);
  const kept = await audit.note(ann, { action: 'release', what: {} }, done);
  await stage.janitor(stage.parts, { retainAudit: 3_600_000 }).round();
  expect((await store.audit({}, { limit: 10 })).rows.map(({ id }) => id)).toEqual([kept]);
});
