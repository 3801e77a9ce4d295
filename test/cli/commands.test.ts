import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, statfsSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import type { Store } from '../../src/queue/store.ts';

import { newId } from '../../src/runtime/id.ts';

import { openStore } from '../../src/store/open.ts';
import { claimAll, sample, settleOne } from '../store/conformance/samples.ts';
import { Folder, refuser } from './command.ts';

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const NOBODY = '0190b6e4-93c2-7c1a-8d2e-5b1f0c9a7e11';

/** Puts messages with these ids into the queue of the folder, as one from another time. */
async function insert(folder: Folder, ids: readonly string[]): Promise<void> {
  const store = await storeOf(folder);
  const messages = ids.map((id) =>
    sample({ id, sender: 'ann@example.com', to: ['bob@example.com', 'cy@example.com'] }),
  );
  await store.insert(messages, Date.now()).finally(() => store.close());
}

function storeOf(folder: Folder): Promise<Store> {
  mkdirSync(join(folder.path, 'posthaste'), { recursive: true });
  return openStore(join(folder.path, 'posthaste', 'posthaste.db'));
}

describe('send and list', () => {
  test('send prints the queue id, and list shows a delivery for each recipient', async () => {
    using folder = new Folder();
    const before = Date.now();
    const flags = [
      '--from',
      'ann@example.com',
      '--to',
      'Bob <bob@example.com>, cy@example.org',
      '--subject',
      'Grüße',
      '--text',
      'x',
    ];
    const id = await folder.out('send', ...flags);
    expect(id).toMatch(ID);
    const rows = await folder.json('list', '--state', 'all');
    expect(rows).toHaveLength(2);
    expect(rows.toSorted((a, b) => Number(a.ordinal) - Number(b.ordinal))[0]).toMatchObject({
      id,
      ordinal: 1,
      messageId: expect.stringMatching(/^<.+@.+>$/),
      sender: 'ann@example.com',
      recipient: 'bob@example.com',
      subject: 'Grüße',
      state: 'queued',
      reason: null,
      relay: 'default',
      attempts: 0,
      lastReply: null,
      inDoubt: false,
    });
    for (const row of rows) {
      expect(row.dueAt).toBe(row.createdAt);
      expect(Number(row.createdAt)).toBeGreaterThanOrEqual(before);
    }
    const table = (await folder.out('list')).split('\n');
    expect(table[0]).toMatch(/^ID +STATE +AGE +NEXT +SIZE +SENDER +RECIPIENT +LAST REPLY$/);
    expect(table.filter((line) => line.startsWith(id))).toHaveLength(2);
    expect(table.at(-1)).toBe('2 deliveries');
  });

  test('the text comes from standard input', async () => {
    using folder = new Folder();
    const { stdout } = await folder.run(['send', '--from', 'a@example.com', '--to', 'b@example.com'], {
      input: 'from a pipe\n',
    });
    const content = await folder.out('show', stdout.trim(), '--content');
    expect(content).toContain('from a pipe');
    expect(content).toMatch(/^Received: .*\r\n/);
    expect(content).toContain('Subject: Test message from posthaste\r\n');
  });

  test('a message may have a priority, tags, and its own end of patience', async () => {
    using folder = new Folder();
    const wishes = ['--priority', 'high', '--tag', 'otp', '--tag', 'eu', '--expires-in', '10m', '--max-attempts', '3'];
    const id = await folder.send('bob@example.com', ...wishes);
    const [found] = await folder.json('show', id);
    const deliveries = found?.deliveries as { createdAt: number; expiresAt: number; priority: string }[];
    expect(found).toMatchObject({ priority: 'high', tags: ['otp', 'eu'], retry: { maxAttempts: 3 } });
    const { expiresAt, createdAt } = deliveries[0] as (typeof deliveries)[number];
    expect(Math.abs(expiresAt - createdAt - 600_000)).toBeLessThan(60_000);
    expect(await folder.say('show', id)).toMatch(/retries +tried at most 3 times/);
    expect(await folder.json('list', '--tag', 'otp')).toMatchObject([{ id }]);
  });

  test('an address that is none is refused with its reason', async () => {
    using folder = new Folder();
    const { code, stderr, stdout } = await folder.run([
      'send',
      '--from',
      'a@example.com',
      '--to',
      'b@-bad-',
      '--text',
      'x',
    ]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^posthaste: the message is refused: 5\d\d 5\.\d\.\d .+\n$/);
  });

  test('filters and limits choose', async () => {
    using folder = new Folder();
    const ids = [
      await folder.send('bob@example.com', '--subject', 'One'),
      await folder.send('cy@example.org', '--subject', 'Two'),
    ];
    const found = async (...flags: string[]): Promise<unknown[]> =>
      (await folder.json('list', ...flags)).map((row) => row.id);
    expect(await found()).toEqual(ids.toReversed());
    expect(await found('--limit', '1')).toEqual([ids[1]]);
    expect(await found('--recipient', '@example.com')).toEqual([ids[0]]);
    expect(await found('--subject', 'tw')).toEqual([ids[1]]);
    expect(await found('--sender', 'ANN@example.com', '--newer-than', '1h')).toEqual(ids.toReversed());
    expect(await found('--older-than', '1h')).toEqual([]);
    expect(await found('--state', 'held,sent')).toEqual([]);
    const [row] = await folder.json('list', '--limit', '1');
    expect(await found('--message-id', String(row?.messageId).slice(1, -1))).toEqual([ids[1]]);
    expect(await folder.say('list', '--limit', '1')).toContain('2 deliveries, 1 shown; --limit shows more');
    expect(await folder.say('list', '--state', 'sent')).toBe('no deliveries');
  });
});

describe('show', () => {
  test('tells envelope, state and why it waits, to people and programs', async () => {
    using folder = new Folder();
    const id = await folder.send('bob@example.com', '--subject', 'Hello');
    const shown = await folder.out('show', id);
    for (const part of [
      id,
      'ann@example.com',
      'Hello',
      'bob@example.com  queued',
      'relay default, 0 attempts, no next try (no worker)',
    ]) {
      expect(shown).toContain(part);
    }
    expect(shown).toContain('No worker has been seen: start posthaste serve or posthaste work.');
    const [json] = await folder.json('show', id);
    expect(json).toMatchObject({
      id,
      sender: 'ann@example.com',
      contentKept: true,
      deliveries: [
        { recipient: 'bob@example.com', state: 'queued', lastReply: null, why: expect.stringContaining('No worker') },
      ],
      attempts: [],
    });
  });

  test('an id may be shortened to the digits that tell it from others', async () => {
    using folder = new Folder();
    const id = await folder.send('bob@example.com');
    const short = id.slice(0, 8);
    for (const text of [short, id.slice(0, 14), id.replaceAll('-', ''), `${short.toUpperCase()}-`]) {
      expect(await folder.json('show', text), text).toMatchObject([{ id }]);
    }
    expect(await folder.say('hold', id.slice(0, 10))).toBe('1 delivery held');
    await expect(folder.say('show', id.slice(0, 7))).rejects.toThrow(
      `"${id.slice(0, 7)}" is too little of a queue id: give 8 digits of it at least`,
    );
    await expect(folder.say('show', '00000000')).rejects.toThrow('no message has an id that begins with 00000000');
  });

  test('a beginning that several ids have names them, each once', async () => {
    using folder = new Folder();
    const made = '0190b6e4-93c2-7c1a-8d2e-';
    await insert(
      folder,
      [1, 2, 3, 4, 5, 6, 7].map((n) => `${made}00000000000${n}`),
    );
    const { code, stdout, stderr } = await folder.run(['show', '0190B6E4']);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr.trimEnd().split('\n')).toEqual([
      'posthaste: several messages have an id that begins with 0190B6E4; give more of it:',
      ...[7, 6, 5, 4, 3].map((n) => `posthaste:   ${made}00000000000${n} from ann@example.com to bob@example.com`),
      'posthaste:   and others',
    ]);
    expect(await folder.json('show', `${made}000000000003`.slice(0, 36))).toMatchObject([
      { id: `${made}000000000003` },
    ]);
  });

  test('since when and why a recipient is suppressed', async () => {
    using folder = new Folder();
    const store = await storeOf(folder);
    const since = Date.UTC(2026, 10, 2, 10, 14);
    const entry = { target: 'bob@example.com', reason: 'complaint', since, until: null, note: 'by phone' };
    await store.suppress([entry]).finally(() => store.close());
    const id = await folder.send('bob@example.com');
    const words = 'suppressed since 2026-11-02 10:14 UTC: complaint (by phone)';
    expect(await folder.say('show', id)).toContain(`never sent: its recipient is ${words}.`);
    expect(await folder.say('list', '--state', 'bounced')).toContain(`550 5.7.1 ${words}`);
    expect(await folder.json('list', '--state', 'bounced')).toMatchObject([
      { reason: 'suppressed', lastReply: { code: 550, status: '5.7.1', text: words } },
    ]);
  });

  test('an id that is not there is an error that names it', async () => {
    using folder = new Folder();
    await folder.send('bob@example.com');
    for (const command of ['show', 'cancel']) {
      expect(await folder.run([command, NOBODY])).toEqual({
        code: 1,
        stdout: '',
        stderr: `posthaste: no message has the id ${NOBODY}\n`,
      });
    }
    expect(await folder.run(['show', 'nonsense'])).toMatchObject({
      code: 1,
      stderr: 'posthaste: "nonsense" is no queue id; posthaste list shows them\n',
    });
  });

  test('words of a relay cannot steer the terminal', async () => {
    using folder = new Folder();
    await using relay = await refuser();
    const id = await folder.send('bob@example.com');
    await folder.run(['work', '--once', '--relay', relay.url]);
    const shown = await folder.say('show', id);
    expect(shown).toContain('bob@example.com  bounced (refused)');
    expect(shown).toContain('last reply: 550 5.1.1 nobody \\u001b[31mhere');
    expect(shown).toMatch(
      /ATTEMPT +TOOK +RECIPIENT +RELAY +OUTCOME +REPLY\n.* bob@example\.com +default +refused +550 5\.1\.1/,
    );
    expect(shown).not.toContain('\x1b');
    expect(await folder.say('list', '--state', 'bounced')).not.toContain('\x1b');
    const [row] = await folder.json('list', '--state', 'bounced', '--sender', 'ann@example.com');
    expect(row).toMatchObject({
      id,
      reason: 'refused',
      attempts: 1,
      lastReply: { code: 550, status: '5.1.1', text: 'nobody \x1b[31mhere' },
    });
  });
});

describe('a report that could not be delivered', () => {
  test('is counted by status, found by list, and shown as what it is, and nobody hears of it again', async () => {
    using folder = new Folder();
    await using relay = await refuser();
    const id = await folder.send('bob@example.com');
    expect(await folder.say('list', '--reports', '--state', 'all')).toBe('no deliveries');
    await folder.run(['work', '--once', '--relay', relay.url]);
    await folder.run(['work', '--once', '--relay', relay.url]);
    const rows = await folder.json('list', '--reports', '--state', 'bounced');
    expect(rows).toMatchObject([{ sender: null, recipient: 'ann@example.com', reportOn: id }]);
    expect(await folder.json('list', '--state', 'all')).toHaveLength(2);
    const report = String(rows[0]?.id);
    expect(await folder.say('show', report)).toContain(
      `report on  ${id}, which could not be delivered: its sender was not told`,
    );
    expect(await folder.json('show', report)).toMatchObject([{ reportOn: id, reportLost: true }]);
    expect(await folder.json('show', id)).toMatchObject([{ reportOn: null, reportLost: false }]);
    expect(await folder.say('status')).toContain(
      'reports    1 could not be delivered in the last day: posthaste list --reports --state bounced',
    );
    expect(await folder.json('status')).toMatchObject([{ lostReports: 1 }]);
    process.exitCode = 0;
  });
});

describe('moves', () => {
  const states = async (folder: Folder): Promise<unknown[]> =>
    (await folder.json('list', '--state', 'all')).map((row) => row.state);

  test('by id: hold, release, cancel and retry', async () => {
    using folder = new Folder();
    const id = await folder.send('bob@example.com');
    expect(await folder.out('hold', id)).toBe('1 delivery held');
    expect(await states(folder)).toEqual(['held']);
    expect(await folder.say('show', id)).toContain('An operator held it');
    expect(await folder.out('release', id)).toBe('1 delivery released');
    expect(await states(folder)).toEqual(['queued']);
    expect(await folder.out('cancel', id.toUpperCase())).toBe('1 delivery cancelled');
    expect(await states(folder)).toEqual(['cancelled']);
    expect(await folder.say('list')).toBe('no deliveries');
    expect(await folder.out('retry', id)).toBe('1 delivery queued for an attempt at once');
    expect(await states(folder)).toEqual(['queued']);
  });

  test('hold and cancel by a filter say what workers have already, and how to stop that', async () => {
    using folder = new Folder();
    const store = await storeOf(folder);
    await store.insert([sample({ to: ['bob@example.com'] })], Date.now());
    await claimAll(store);
    await store.insert([sample({ to: ['cy@example.com'] })], Date.now());
    await store.close();
    const left =
      '1 delivery more is with workers and is left to them: posthaste pause --all stops what they have not begun';
    expect(await folder.out('hold', '--all', '--yes')).toBe(`1 delivery held\n${left}`);
    expect(await folder.out('release', '--all', '--yes')).toBe('1 delivery released');
    expect(await folder.out('cancel', '--recipient', '@example.com', '--yes')).toBe(`1 delivery cancelled\n${left}`);
    expect(await folder.out('cancel', '--recipient', 'cy@example.com', '--yes')).toBe('no deliveries to cancel');
  });

  test('one that cannot be made says in which state the message is', async () => {
    using folder = new Folder();
    const id = await folder.send('bob@example.com');
    expect(await folder.run(['release', id])).toEqual({
      code: 1,
      stdout: '',
      stderr: `posthaste: ${id} cannot be released: it is queued now\n`,
    });
  });

  test('with a filter, nothing moves where nobody can be asked', async () => {
    using folder = new Folder();
    await folder.send('bob@example.com');
    const { code, stderr } = await folder.run(['cancel', '--recipient', 'bob@example.com']);
    expect([code, stderr]).toEqual([
      64,
      'posthaste: cancel with a filter asks first, and nobody is there to answer: add --yes\n',
    ]);
    expect(await states(folder)).toEqual(['queued']);
    expect(await folder.say('cancel', '--recipient', 'bob@example.com', '--yes')).toBe('1 delivery cancelled');
    expect(await folder.say('cancel', '--all', '--yes')).toBe('no deliveries to cancel');
  });

  test('but what waits anyway may be tried at once, as cron does', async () => {
    using folder = new Folder();
    await folder.send('bob@example.com');
    expect(await folder.run(['retry', '--deferred'])).toEqual({
      code: 0,
      stdout: 'no deliveries to retry\n',
      stderr: '',
    });
    expect((await folder.run(['retry', '--all'])).stdout).toBe('1 delivery queued for an attempt at once\n');
    await folder.say('cancel', '--all', '--yes');
    expect(await folder.run(['retry', '--state', 'cancelled'])).toMatchObject({ code: 64, stdout: '' });
    expect(await states(folder)).toEqual(['cancelled']);
  });

  test('without ids, filter or --all, it is not said what', async () => {
    using folder = new Folder();
    await folder.send('bob@example.com');
    expect(await folder.run(['hold'])).toMatchObject({
      code: 64,
      stderr: 'posthaste: hold needs ids, a filter such as --recipient, or --all\n',
    });
  });
});

describe('for programs', () => {
  test('each move tells what it did as one object', async () => {
    using folder = new Folder();
    const id = await folder.send('bob@example.com,cy@example.com');
    expect(await folder.json('hold', id, '--dry-run')).toEqual([{ command: 'hold', count: 2, dryRun: true }]);
    expect(await folder.json('hold', '--all', '--yes')).toEqual([{ command: 'hold', count: 2, dryRun: false }]);
    expect(await folder.json('hold', '--all', '--yes')).toEqual([{ command: 'hold', count: 0, dryRun: false }]);
    expect(await folder.json('release', id)).toEqual([{ command: 'release', count: 2, dryRun: false }]);
    expect(await folder.json('retry', '--recipient', 'cy@example.com')).toEqual([
      { command: 'retry', count: 1, dryRun: false },
    ]);
    expect(await folder.json('pause', '--all')).toEqual([{ command: 'pause', count: 1, relays: ['default'] }]);
    expect(await folder.json('resume', 'default')).toEqual([{ command: 'resume', count: 1, relays: ['default'] }]);
    expect(await folder.json('cancel', id)).toEqual([{ command: 'cancel', count: 2, dryRun: false }]);
    expect(await folder.json('purge', '--older-than', '0', '--result', 'cancelled')).toEqual([
      { command: 'purge', count: 1, dryRun: false, results: { cancelled: 1 } },
    ]);
  });

  test('a dry run changes nothing, and asks nobody', async () => {
    using folder = new Folder();
    await folder.send('bob@example.com');
    expect(await folder.out('cancel', '--all', '--dry-run')).toBe('1 delivery would be cancelled');
    expect(await folder.out('release', '--all', '--dry-run')).toBe('no deliveries to release');
    expect(await folder.json('list')).toMatchObject([{ state: 'queued' }]);
  });
});

describe('relays', () => {
  test('pause stops a relay, resume lets it go on', async () => {
    using folder = new Folder();
    const id = await folder.send('bob@example.com');
    expect(await folder.out('pause', 'default')).toBe(
      'relay default paused: its mail waits until posthaste resume, or bounces at its maxAge',
    );
    expect(await folder.say('show', id)).toMatch(
      /The relay default was paused by .+@.+ (?:now|\ds ago), until somebody resumes it\./,
    );
    expect(await folder.say('show', id)).toContain('0 attempts, no next try (paused)');
    expect(await folder.say('list')).toMatch(/ queued +\S+ +paused /);
    expect(await folder.json('list')).toMatchObject([{ id, nextAt: null, waitsFor: 'paused' }]);
    expect(await folder.out('resume', '--all')).toBe('relay default resumed');
    expect(await folder.json('list')).toMatchObject([{ id, nextAt: null, waitsFor: 'workerless' }]);
    expect(await folder.say('show', id)).not.toContain('paused');
  });

  test('a name that is none, and no name', async () => {
    using folder = new Folder();
    await folder.send('bob@example.com');
    expect(await folder.run(['pause', 'other'])).toMatchObject({
      code: 1,
      stderr: 'posthaste: there is no relay "other"; known: default\n',
    });
    expect(await folder.run(['pause'])).toMatchObject({
      code: 64,
      stderr: 'posthaste: pause needs the name of a relay, or --all\n',
    });
  });
});

describe('work --once and purge', () => {
  test('captured mail is purged after its time, and not before', async () => {
    using folder = new Folder();
    await folder.send('bob@example.com');
    await folder.send('cy@example.com');
    const { code, stdout } = await folder.run(['work', '--once', '--log-format', 'json', '--log-level', 'warn']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout.split('\n')[0] ?? '')).toMatchObject({ msg: expect.stringContaining('capture') });
    expect((await folder.json('list', '--state', 'captured')).length).toBe(2);
    expect(await folder.out('purge')).toBe('0 messages purged');
    expect(await folder.say('purge', '--older-than', '0', '--result', 'sent')).toBe('0 messages purged');
    expect(await folder.say('purge', '--older-than', '0', '--dry-run', '--quiet')).toBe(
      '2 messages would be purged (0 sent, 2 captured, 0 suppressed, 0 bounced, 0 cancelled)',
    );
    expect(await folder.json('purge', '--older-than', '0', '--dry-run', '--result', 'captured')).toEqual([
      { command: 'purge', count: 2, dryRun: true, results: { captured: 2 } },
    ]);
    expect(await folder.say('purge', '--older-than', '0')).toBe(
      '2 messages purged (0 sent, 2 captured, 0 suppressed, 0 bounced, 0 cancelled)',
    );
    expect(await folder.json('list', '--state', 'all')).toEqual([]);
  });

  test('a result that is none', async () => {
    using folder = new Folder();
    const { code, stderr } = await folder.run(['purge', '--result', 'lost']);
    expect(code).toBe(64);
    expect(stderr).toMatch(/^posthaste: option '--result <result>' argument 'lost' is invalid/);
  });
});

describe('status', () => {
  test('warns while nobody works, and is critical when mail waits for nobody', async () => {
    using folder = new Folder();
    await folder.out('migrate');
    expect(await folder.run(['status'])).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^WARNING: no worker has been seen: new mail will wait\n/),
    });
    await folder.send('bob@example.com');
    const { code, stdout } = await folder.run(['status', '--json']);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      level: 'critical',
      states: { queued: 1 },
      problems: [{ level: 'critical' }],
      nodes: [],
    });
  });

  test('tells of a relay that said that it was too much, and show why its mail waits', async () => {
    using folder = new Folder();
    await folder.out('migrate');
    const id = await folder.send('bob@example.com');
    const store = await openStore(`sqlite:${folder.path}/posthaste/posthaste.db`, {});
    const now = Date.now();
    const reply = { code: 451, status: '4.7.1', text: 'rate \x1b[31mlimit' };
    await store.slowRelay('default', { reply, rest: false, node: newId(now), limit: 20, used: 6, now });
    await store.heartbeat({ id: newId(now), host: 'h', place: 'p', pid: 1, role: 'work', startedAt: now, seenAt: now });
    await store.close();
    expect(await folder.say('status')).toMatch(
      /^relay +default: slowed down to 3 connections (?:now|\ds ago) \(451 4\.7\.1 rate \\u001b\[31mlimit\)$/m,
    );
    expect(await folder.json('status')).toMatchObject([
      { relays: [{ pace: { connections: 3, slowedAt: now, restUntil: null, reply } }] },
    ]);
    expect(await folder.say('show', id)).toContain('its connections are no more than 3 until mail has succeeded');
  });

  test('tells of a relay that takes connections and no mail', async () => {
    using folder = new Folder();
    await folder.out('migrate');
    const store = await openStore(`sqlite:${folder.path}/posthaste/posthaste.db`, {});
    const now = Date.now();
    const begun = now - 20 * 60_000;
    await store.noteRelay('default', begun);
    await store.heartbeat({ id: newId(now), host: 'h', place: 'p', pid: 1, role: 'work', startedAt: now, seenAt: now });
    const to = [{ dueAt: begun, expiresAt: now + 3_600_000 }];
    await store.insert([sample({ createdAt: begun, to }), sample({ createdAt: begun, to })], begun);
    for (const at of [begun, begun + 1_000])
      for (const claim of await claimAll(store, { now: at, until: at + 1_000 }))
        await settleOne(
          store,
          claim,
          { state: 'queued', dueAt: at === begun ? at + 1_000 : now + 60_000, reply: { code: 451, text: 'later' } },
          at,
        );
    await store.close();
    const { code, stdout } = await folder.run(['status']);
    expect(code).toBe(1);
    expect(stdout).toContain(
      'WARNING: relay default has taken nothing for 20m, and mail submitted since then is deferred again and again: 451 later\n',
    );
    expect(stdout).toMatch(/^relay +default: has taken no mail for 20m, all of it is deferred$/m);
  });

  test('is critical where there is no queue', async () => {
    using folder = new Folder();
    expect(await folder.run(['status'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no queue at'),
    });
  });
});

describe('settings', () => {
  test('config shows values, origins and no secret', async () => {
    using folder = new Folder();
    writeFileSync(join(folder.path, 'posthaste.config.ts'), 'export default { maxHops: 7 as number };');
    const environment = { POSTHASTE_RELAY: 'smtp://user:hunter2@relay.example.com', POSTHASTE_USERS: 'ann:hunter2' };
    const { code, stdout, stderr } = await folder.run(['config', '--max-errors', '3'], { environment });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^maxHops +7 +maxHops in .*posthaste\.config\.ts$/m);
    expect(stdout).toMatch(/^maxErrors +3 +--max-errors$/m);
    expect(stdout).toMatch(/^relay +smtp:\/\/user:\*\*\*@relay\.example\.com +POSTHASTE_RELAY$/m);
    expect(stdout).toMatch(/^lease +1m +default$/m);
    const json = await folder.run(['config', '--json'], { environment });
    expect(JSON.parse(json.stdout)).toMatchObject({
      lease: { value: 60_000, from: 'default' },
      users: { value: 'ann:***' },
    });
    expect(stdout + json.stdout).not.toContain('hunter2');
  });

  test.each([
    [
      ['--max-message-size', '50 gigs'],
      {},
      /^posthaste: maxMessageSize \(--max-message-size\) is "50 gigs": allowed is a size of at least 1KB such as/,
    ],
    [
      [],
      { POSTHASTE_RELY: 'x' },
      /^posthaste: POSTHASTE_RELY is no variable of posthaste; did you mean POSTHASTE_RELAY\?\n$/,
    ],
    [['--relay', 'relay.example.com'], {}, /^posthaste: relay \(--relay\) is "relay\.example\.com": .*smtp:\/\//],
    [['--relay', 'http://u:hunter2@h'], {}, /^posthaste: relay \(--relay\) is "http:\/\/u:\*\*\*@h": .*smtp:\/\//],
    [
      ['--retry-first-delay', '2h'],
      { POSTHASTE_RETRY_MAX_DELAY: '30m' },
      /^posthaste: retryFirstDelay \(--retry-first-delay\) is "2h": is longer than retryMaxDelay, which is "30m": allowed is/,
    ],
    [
      ['--relay-tls', 'none'],
      { POSTHASTE_RELAY: 'smtp://ann:hunter2@relay.example' },
      /^posthaste: relayTls \(--relay-tls\) is "none": does not fit relay, which is "smtp:\/\/ann:\*\*\*@relay\.example" and has a login/,
    ],
    [['--listen', '0.0.0.0:25'], {}, /^posthaste: listen \(--listen\) is "0\.0\.0\.0:25": 0\.0\.0\.0 can be reached/],
  ])('%j %j ends with 78 and a sentence', async (flags, environment: Record<string, string>, sentence) => {
    using folder = new Folder();
    const { code, stdout, stderr } = await folder.run(['serve', ...flags], { environment });
    expect([code, stdout]).toEqual([78, '']);
    expect(stderr).toMatch(sentence);
    expect(stderr).not.toContain('hunter2');
  });

  test('short commands need no secret of the server', async () => {
    using folder = new Folder();
    await folder.send('bob@example.com');
    const { code } = await folder.run(['list'], { environment: { POSTHASTE_RELAY_FILE: '/nowhere/relay' } });
    expect(code).toBe(0);
  });
});

describe('check', () => {
  test('without anything, all is well', async () => {
    using folder = new Folder();
    const text = await folder.out('check');
    expect(text).toMatch(/^ok {4}settings +are valid$/m);
    expect(text).toMatch(/^ok {4}database +sqlite:.* is not there yet; posthaste serve makes it$/m);
    expect(text).toMatch(/^ok {4}relay +none is set: mail is captured/m);
  });

  test('a relay that answers, and one that does not', async () => {
    using folder = new Folder();
    await folder.say('migrate');
    await using relay = await refuser();
    expect(await folder.out('check', '--relay', relay.url)).toMatch(
      /^ok {4}relay +127\.0\.0\.1:\d+ answers, not encrypted, no login$/m,
    );
    const { code, stdout } = await folder.run(['check', '--json', '--relay', `smtp://127.0.0.1:${await closedPort()}`]);
    expect(code).toBe(1);
    const findings = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(findings.map(({ what, ok }) => [what, ok])).toEqual([
      ['settings', true],
      ['database', true],
      ['disk', true],
      ['relay', false],
    ]);
    expect(findings[3]?.text).toMatch(/4\.4\.1/);
  });

  test('the free space, before it is too late and after', async () => {
    using folder = new Folder();
    await folder.say('migrate');
    expect(await folder.out('check', '--min-free-space', '1B')).toMatch(
      /^ok {4}disk +.+ are free for the database; below 1 B/m,
    );
    const { bavail, bsize } = statfsSync(folder.path);
    const half = ['--min-free-space', String(Math.floor((bavail * bsize) / 2))];
    const warned = await folder.run(['check', ...half]);
    expect(warned.stdout).toMatch(/^warn {2}disk +.+new mail is refused: make room before that$/m);
    expect(warned.code).toBe(0);
    const { code, stdout } = await folder.run(['check', '--json', '--min-free-space', '9000000GB']);
    expect(code).toBe(1);
    expect(stdout).toContain('{"what":"disk","ok":false,"text":');
    expect(stdout).toContain('make room on that disk');
  });

  test('a DKIM key that cannot sign, and an admin address that others reach', async () => {
    using folder = new Folder();
    const dkim = [{ domain: 'example.com', selector: 's1', keyFile: 'none.pem' }];
    writeFileSync(
      join(folder.path, 'posthaste.config.json'),
      JSON.stringify({ dkim, admin: '0.0.0.0:8025', adminUsers: 'ann:secret' }),
    );
    const { code, stdout } = await folder.run(['check']);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^FAIL {2}dkim\.0\.keyFile +The DKIM key of example\.com in .*none\.pem cannot be used: .*openssl genrsa/m,
    );
    expect(stdout).toMatch(/^ok {4}admin +0\.0\.0\.0:8025 can be reached from other machines.* asks for a login$/m);
    writeFileSync(join(folder.path, 'posthaste.config.json'), JSON.stringify({ admin: '0.0.0.0:8025' }));
    const open = await folder.run(['check']);
    expect([open.code, open.stderr]).toEqual([
      78,
      expect.stringMatching(/^posthaste: admin .*set adminUsers or adminViewers/),
    ]);
  });

  test('each DKIM key that serve would refuse, with its part of the settings', async () => {
    using folder = new Folder();
    const pem = { type: 'pkcs8', format: 'pem' } as const;
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(pem).toString();
    writeFileSync(join(folder.path, 'ed.pem'), generateKeyPairSync('ed25519').privateKey.export(pem));
    const dkim = [
      { domain: 'one.invalid', selector: 's1', key: rsa },
      { domain: 'two.invalid', selector: 's1', keyFile: 'ed.pem' },
      { domain: 'One.invalid', selector: 's2', key: rsa },
      { domain: 'three.invalid', selector: 'no name', key: rsa },
    ];
    writeFileSync(join(folder.path, 'posthaste.config.json'), JSON.stringify({ dkim }));
    const { code, stdout } = await folder.run(['check']);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^FAIL {2}dkim\.1\.keyFile +The DKIM key of two\.invalid in .*ed\.pem .*the key must be RSA and is ed25519/m,
    );
    expect(stdout).toMatch(/^FAIL {2}dkim\.2\.domain +.* the domain has another key already/m);
    expect(stdout).toMatch(/^FAIL {2}dkim\.3\.selector +.*its selector "no name" is no name in DNS/m);
  });

  test.each([
    ['relayCa', ['--relay', 'smtp://relay.invalid', '--relay-ca', 'FILE'], {}],
    ['relays.ses.tls.ca', [], { ses: { url: 'smtp://relay.invalid', tls: { ca: 'FILE' } } }],
  ])('a server says of %s what is wrong with its file, and that a setting is wrong', async (name, flags, relays) => {
    using folder = new Folder();
    writeFileSync(join(folder.path, 'key.pem'), '-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n');
    for (const [file, words] of [
      ['none.pem', 'which cannot be read: ENOENT'],
      ['key.pem', 'which holds no certificate'],
    ] as const) {
      const json = JSON.stringify({ relays, listen: '127.0.0.1:0', admin: 'off' });
      writeFileSync(join(folder.path, 'posthaste.config.json'), json.replaceAll('FILE', file));
      const { code, stderr } = await folder.run(['serve', ...flags.map((flag) => flag.replace('FILE', file))]);
      expect(code).toBe(78);
      expect(stderr).toContain(`posthaste: ${name} is "${join(folder.path, file)}", ${words}`);
    }
  });

  test.each([
    ['relays.ses.auth.passwordFile', { auth: { user: 'ann', passwordFile: 'FILE' } }],
    [
      'relays.ses.logins.@example.com.passwordFile',
      { logins: { '@example.com': { user: 'ann', passwordFile: 'FILE' } } },
    ],
    [
      'relays.ses.auth.oauth.serviceAccount.privateKeyFile',
      {
        auth: {
          user: 'ann@example.com',
          oauth: { provider: 'google', serviceAccount: { email: 'x@example.com', privateKeyFile: 'FILE' } },
        },
      },
    ],
  ])('a server says of %s that its file cannot be read, before mail waits for it', async (name, login) => {
    using folder = new Folder();
    const relays = { ses: { url: 'smtp://relay.invalid', ...login } };
    const json = JSON.stringify({ relays, listen: '127.0.0.1:0', admin: 'off' }).replaceAll('FILE', 'none.txt');
    writeFileSync(join(folder.path, 'posthaste.config.json'), json);
    const { code, stderr } = await folder.run(['serve']);
    expect([code, stderr]).toEqual([
      78,
      expect.stringContaining(`posthaste: ${name} is "${join(folder.path, 'none.txt')}", which cannot be read: ENOENT`),
    ]);
  });

  test('a certificate that is none', async () => {
    using folder = new Folder();
    writeFileSync(join(folder.path, 'key.pem'), 'nothing');
    const { code, stdout } = await folder.run(['check', '--tls-cert', 'none.pem', '--tls-key', 'key.pem']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^FAIL {2}tlsCert +ENOENT.*none\.pem.*; correct the path, or let this user read it$/m);
    expect(stdout).toMatch(/^FAIL {2}tlsKey +.*key\.pem is no PEM file/m);
  });
});

test.each([
  [['--from', 'ann@example.com', '--to', 'bob'], /^posthaste: There is no address in the recipient "bob": /],
  [
    ['--from', 'ann@example.com', '--to', 'bob@example.com, cy'],
    /^posthaste: There is no address in the recipient "cy": /,
  ],
  [['--from', 'ann', '--to', 'bob@example.com'], /^posthaste: There is no address in the sender "ann": /],
])('send %j names what is no address, and keeps nothing', async (flags, sentence) => {
  using folder = new Folder();
  expect(await folder.run(['send', ...flags, '--text', 'x'])).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(sentence),
  });
  expect(await folder.say('list')).toBe('no deliveries');
});

describe('the command line', () => {
  test.each([
    [['frobnicate'], /^posthaste: unknown command 'frobnicate'; posthaste --help tells what there is\n$/],
    [
      ['list', '--frobnicate'],
      /^posthaste: unknown option '--frobnicate'; posthaste list --help tells what there is\n$/,
    ],
    [
      ['suppress', 'add', '--frobnicate', 'x@example.com'],
      /^posthaste: unknown option '--frobnicate'; posthaste suppress add --help tells what there is\n$/,
    ],
    [['list', '--stat', 'all'], /^posthaste: unknown option '--stat'\nposthaste: \(?Did you mean --state\?\)?\n$/],
    [['show'], /^posthaste: missing required argument 'id'; posthaste show --help tells what there is\n$/],
    [
      ['list', '--limit', 'all'],
      /^posthaste: option '--limit <number>' argument 'all' is invalid\. Allowed is a whole number of at least 1\.\n$/,
    ],
    [
      ['list', '--state', 'lost'],
      /^posthaste: option '--state <state,...>' argument 'lost' is invalid\. Allowed are queued, /,
    ],
    [
      ['list', '--recipient', ''],
      /^posthaste: option '--recipient <address>' argument '' is invalid\. It is empty\.\n$/,
    ],
    [['cancel', '--all', '--recipient='], /^posthaste: option '--recipient <address>' argument '' is invalid/],
    [['hold', '--tag', ' '], /^posthaste: option '--tag <tag>' argument ' ' is invalid/],
  ])('%j ends with 64', async (args, sentence) => {
    using folder = new Folder();
    const { code, stderr } = await folder.run(args);
    expect(code).toBe(64);
    expect(stderr).toMatch(sentence);
  });

  test('commands that look make no queue', async () => {
    using folder = new Folder();
    expect(await folder.run(['list'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^posthaste: there is no queue at .*posthaste\.db/),
    });
    expect(await folder.say('migrate')).toMatch(/^sqlite:.*posthaste\.db is up to date$/);
    expect(await folder.say('list')).toBe('no deliveries');
  });

  test('an error has one line, and a stack for those who ask', async () => {
    using folder = new Folder();
    writeFileSync(join(folder.path, 'q.db'), 'this is no database'.repeat(500));
    const plain = await folder.run(['list', '--database', 'q.db']);
    expect(plain).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^posthaste: .*q\.db.*\n$/) });
    const long = await folder.run(['list', '--database', 'q.db'], { environment: { POSTHASTE_DEBUG: '1' } });
    expect(long.stderr).toMatch(/\n {4}at /);
  });

  test('--version and --help end with 0', async () => {
    using folder = new Folder();
    expect(await folder.out('--version')).toMatch(/^\d+\.\d+\.\d+$/);
    expect(await folder.out('help', 'list')).toContain('Examples:');
    expect(await folder.out('--help')).toContain('posthaste serve --relay');
  });
});

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
