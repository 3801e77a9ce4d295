import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { authenticator } from '../../src/submission/smtp/users.ts';
import { Folder } from './command.ts';

const INDEX = new URL('../../src/index.ts', import.meta.url).href;

const CONFIG = `import { defineConfig } from ${JSON.stringify(INDEX)};
export default defineConfig({
  relays: {
    ses: {
      url: 'smtp://user:hunter2@ses.example:587',
      rate: ['14/s', '50000/d'],
      fallback: 'backup',
      retry: { maxAge: '2d', maxAttempts: 9 },
      rules: [{ code: 454, text: 'daily quota', outcome: 'deferred', scope: 'relay', reason: 'The quota of the day is used up.' }],
    },
    backup: { url: 'smtp://backup.example', auth: { user: 'ann', password: 'hunter2' } },
    odd: { transport: { name: 'odd', auth: { pass: 'hunter2' }, send: () => undefined } },
  },
  routes: [{ recipient: '@corp.example', relay: 'backup' }],
});
`;

/** A folder with relays in its configuration file, and the flag that names it. */
function configured(): { readonly folder: Folder; readonly flags: readonly string[] } {
  const folder = new Folder();
  const path = join(folder.path, 'posthaste.config.ts');
  writeFileSync(path, CONFIG);
  return { folder, flags: ['--config', path] };
}

describe('a relay that captures', () => {
  test.each([['capture:'], [{ url: 'capture:' }]])('given as %j keeps its mail here', async (one) => {
    using folder = new Folder();
    const config = { relays: { a: one, b: 'smtp://127.0.0.1:1' }, defaultRelay: 'a' };
    const path = join(folder.path, 'posthaste.config.json');
    writeFileSync(path, JSON.stringify(config));
    const flags = ['--config', path];
    await folder.send('bob@example.com', ...flags);
    const checked = await folder.run(['check', ...flags]);
    expect(checked.stdout).toMatch(/^ok {4}relay a +keeps mail here \(capture:\), nothing leaves this machine by it$/m);
    await folder.out('work', '--once', '--log-level', 'error', ...flags);
    const listed = await folder.json('list', '--state', 'all', ...flags);
    expect(listed).toMatchObject([{ state: 'captured', relay: 'a' }]);
  });
});

describe('config', () => {
  test('shows each part of a relay in a line of its own, and no secret', async () => {
    const { folder } = configured();
    using _ = folder;
    const text = await folder.out('config');
    expect(text).toMatch(
      /^relays\.ses\.url +smtp:\/\/user:\*\*\*@ses\.example:587 +relays in .*posthaste\.config\.ts$/m,
    );
    expect(text).toMatch(/^relays\.ses\.rate +14\/s 50000\/d +relays in/m);
    expect(text).toMatch(/^relays\.backup\.auth\.password +\*\*\* +relays in/m);
    expect(text).toMatch(/^defaultRelay +ses +default$/m);
    expect(text).toMatch(/^dkim +none +default$/m);
    const json = await folder.out('config', '--json');
    expect(JSON.parse(json)).toMatchObject({
      relays: { value: { ses: { fallback: ['backup'], retry: { maxAge: 172_800_000 } } } },
      routes: { value: [{ recipient: '@corp.example', relay: 'backup' }] },
    });
    expect(text + json).not.toContain('hunter2');
  });

  test('a mistake is told by its exact path', async () => {
    using folder = new Folder();
    writeFileSync(
      join(folder.path, 'posthaste.config.json'),
      JSON.stringify({ relays: { ses: { url: 'smtp://h', rate: '14' }, b: { url: 'smtp://h', fallbak: 'ses' } } }),
    );
    const { code, stderr } = await folder.run(['serve']);
    expect(code).toBe(78);
    expect(stderr).toMatch(
      /^posthaste: relays\.ses\.rate \(.*\) is "14": allowed is a list, each item a number of recipients/m,
    );
    expect(stderr).toMatch(/^posthaste: relays\.b\.fallbak \(.*\) is no setting of a relay; did you mean fallback\?$/m);
  });

  test('a URL that the transport cannot use is told too', async () => {
    using folder = new Folder();
    writeFileSync(
      join(folder.path, 'posthaste.config.json'),
      JSON.stringify({ relays: { ses: 'smtp://user:hunter2@h/path' } }),
    );
    const { code, stderr } = await folder.run(['config']);
    expect(code).toBe(78);
    expect(stderr).toMatch(/^posthaste: relays\.ses\.url \(.*\) cannot be used\. The relay .* has a path/);
    expect(stderr).not.toContain('hunter2');
  });
});

describe('explain', () => {
  test('tells what a reply means wherever it may come, by which rule, and what follows', async () => {
    using folder = new Folder();
    const text = await folder.say('explain', '550 5.7.30 Basic authentication is not supported');
    expect(text).toContain('at mail, rcpt, data, dot\n  deferred, about the relay (rule login-status)\n');
    expect(text).toContain('no delivery loses an attempt, and only those bounce that reach the age of 5d (maxAge).');
  });

  test.each<[string, string[], object]>([
    ['550 5.1.1 no such user', ['--at', 'rcpt'], { outcome: 'refused', scope: 'recipient', rule: 'recipient-account' }],
    ['552 5.3.4 too big', ['--at', 'dot'], { outcome: 'refused', scope: 'message', rule: 'message' }],
    ['452-4.2.2 full', ['--at', 'rcpt'], { outcome: 'deferred', scope: 'recipient' }],
    ['421 closing', ['--at', 'mail'], { outcome: 'deferred', scope: 'relay', rule: 'closing' }],
    ['250 queued', [], { outcome: 'sent', scope: null, at: ['dot'] }],
  ])('%s %j', async (reply, flags, expected) => {
    using folder = new Folder();
    expect(await folder.json('explain', reply, ...flags)).toEqual([expect.objectContaining(expected)]);
  });

  test("a relay's own rules and patience count", async () => {
    const { folder, flags } = configured();
    using _ = folder;
    const quota = '454 4.7.0 daily quota';
    expect(await folder.json('explain', quota, '--at', 'dot', ...flags)).toEqual([
      expect.objectContaining({
        rule: 'relays.ses.rules.0',
        reason: 'The quota of the day is used up.',
        scope: 'relay',
      }),
    ]);
    const [other] = await folder.json('explain', quota, '--at', 'dot', '--relay', 'backup', ...flags);
    expect(other).toMatchObject({ rule: 'login-demanded' });
    const busy = '451 4.3.0 busy';
    expect(await folder.say('explain', busy, '--at', 'rcpt', ...flags)).toContain('bounces after 9 attempts or 2d.');
    await expect(folder.say('explain', busy, '--relay', 'sess', ...flags)).rejects.toThrow(
      'there is no relay "sess"; known: ses, backup, odd',
    );
  });

  test('what is no reply, and what is no failure', async () => {
    using folder = new Folder();
    await expect(folder.say('explain', 'no such user')).rejects.toThrow('"no such user" is no reply');
    await expect(folder.say('explain', '354 go on', '--at', 'data')).rejects.toThrow(
      'at data the dialogue goes on with 354',
    );
  });
});

describe('relays by name', () => {
  test('those of the settings can be paused before they were ever used, and are shown', async () => {
    const { folder, flags } = configured();
    using _ = folder;
    await folder.send('bob@example.com');
    expect(await folder.say('pause', 'backup', ...flags)).toBe(
      'relay backup paused: its mail waits until posthaste resume, or bounces at its maxAge',
    );
    const status = await folder.say('status', ...flags);
    expect(status).toMatch(/^relay +backup: paused by .+@.+ (?:now|\ds ago)$/m);
    expect(status).toMatch(/^relay +ses: fine$/m);
    await expect(folder.say('pause', 'bakcup', ...flags)).rejects.toThrow('known: ses, backup, odd');
    expect(await folder.say('resume', '--all', ...flags)).toBe(
      ['ses', 'backup', 'odd'].map((name) => `relay ${name} resumed`).join('\n'),
    );
  });
});

describe('reroute', () => {
  test('gives what waits to another relay of the settings, and nothing else', async () => {
    const { folder, flags } = configured();
    using _ = folder;
    const id = await folder.send('bob@example.com');
    const kept = await folder.send('cy@example.com');
    expect(await folder.say('reroute', id, '--to-relay', 'backup', ...flags)).toBe('1 delivery rerouted to backup');
    expect(await folder.json('list', '--relay', 'backup')).toEqual([expect.objectContaining({ id, relay: 'backup' })]);
    expect(await folder.say('reroute', '--relay', 'backup', '--to-relay', 'ses', '--yes', ...flags)).toBe(
      '1 delivery rerouted to ses',
    );
    expect(await folder.json('reroute', id, '--to-relay', 'backup', '--dry-run', ...flags)).toEqual([
      { command: 'reroute', count: 1, dryRun: true },
    ]);
    expect((await folder.json('list', '--relay', 'default')).map((row) => row.id)).toEqual([kept]);
  });

  test('asks before a filter, and knows no relay that is none', async () => {
    const { folder, flags } = configured();
    using _ = folder;
    const id = await folder.send('bob@example.com');
    expect(await folder.run(['reroute', '--all', '--to-relay', 'ses'])).toMatchObject({ code: 64, stdout: '' });
    await expect(folder.say('reroute', id, '--to-relay', 'sess', ...flags)).rejects.toThrow('there is no relay "sess"');
    await folder.say('cancel', id);
    await expect(folder.say('reroute', id, '--to-relay', 'ses', ...flags)).rejects.toThrow(
      `${id} cannot be rerouted to ses: it is cancelled`,
    );
  });
});

describe('hash-password', () => {
  test('reads a password from standard input and prints a hash that lets it in', async () => {
    using folder = new Folder();
    const { code, stdout } = await folder.run(['hash-password'], { input: 'correct horse\n' });
    expect(code).toBe(0);
    const check = authenticator([{ name: 'ann', password: stdout.trim() }]);
    expect([await check('ann', 'correct horse'), await check('ann', 'correct horse\n')]).toEqual([true, false]);
  });

  test('an empty one is refused', async () => {
    using folder = new Folder();
    expect(await folder.run(['hash-password'])).toMatchObject({
      code: 64,
      stderr: 'posthaste: the password is empty\n',
    });
  });
});

test('a relay whose next try is due says now, and no time in the past', async () => {
  using folder = new Folder();
  await folder.send('bob@example.com');
  const store = await openStore(`sqlite:${folder.path}/posthaste/posthaste.db`, {});
  await store.faultRelay('default', { code: 451, status: '4.4.1', text: 'refused' }, Date.now() - 60_000, [1_000]);
  await store.close();
  const { stdout } = await folder.run(['status', '--data-dir', `${folder.path}/posthaste`]);
  expect(stdout).toMatch(/^relay +default: 1 fault in 1m[^\n]*, next try now$/m);
});

test('faults of a relay trouble nobody once nothing waits for it, and are critical while something does', async () => {
  using folder = new Folder();
  const id = await folder.send('bob@example.com');
  const database = `${folder.path}/posthaste/posthaste.db`;
  const store = await openStore(`sqlite:${database}`, {});
  await store.faultRelay('default', { code: 451, status: '4.4.1', text: 'refused' }, Date.now() - 1_200_000, [1_000]);
  const { claims } = await store.claim({
    relay: 'default',
    limit: 1,
    now: Date.now(),
    until: Date.now() + 60_000,
    holder: randomUUID(),
  });
  const tried = await folder.run(['status']);
  await store.release([claims[0]?.token ?? ''], Date.now());
  await store.close();
  const waiting = await folder.run(['status']);
  const failing = /^CRITICAL: relay default has failed 1 time in 20m: 451 4\.4\.1 refused$/m;
  expect([tried.stdout, waiting.stdout]).toEqual([expect.stringMatching(failing), expect.stringMatching(failing)]);
  await folder.say('cancel', id);
  const { stdout } = await folder.run(['status']);
  expect(stdout).not.toContain('relay default has failed');
  expect(stdout).toMatch(/^relay +default: 1 fault in 20m, and nothing waits for it$/m);
});
