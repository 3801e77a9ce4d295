/** The commands of cron, as processes: quiet, safe to overlap, and never blocked by one that was killed. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type MailQueue, openQueue } from '../../src/index.ts';
import { type Action, usual, when } from '../relay/actions.ts';
import { type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import { BIN, posthaste, type Ran, serve, started, temporaryFolder } from '../support/posthaste.ts';
import { until } from '../support/until.ts';

let folder: ReturnType<typeof temporaryFolder>;
let relay: ScriptedRelay;
let queue: MailQueue;
/** What the relay answers to a content. */
let answer: () => Action;

beforeEach(async () => {
  folder = temporaryFolder();
  answer = () => usual;
  relay = await startRelay({ script: { dot: () => answer() } });
  queue = await openQueue({ dataDir: folder.path, relay: url() });
});

afterEach(async () => {
  await queue.close();
  await relay.close();
  folder[Symbol.dispose]();
});

const url = (): string => `smtp://127.0.0.1:${relay.port}`;
const QUIET = { code: 0, stdout: '', stderr: '' };
/** Nobody wants a report, which the relay would refuse like the rest. */
const mail = { from: 'app@example.com', to: 'bob@example.org', text: 'x', dsn: { notify: 'never' } };

const submit = (count: number) => Promise.all(Array.from({ length: count }, () => queue.submit(mail)));
const once = (...flags: string[]): Promise<Ran> => posthaste(folder.path, 'work', '--once', '--relay', url(), ...flags);

describe('work --once', () => {
  test('is quiet where nothing waits, where all is sent, and where mail is deferred', async () => {
    expect(await once()).toEqual(QUIET);
    await submit(3);
    expect(await once()).toEqual(QUIET);
    expect(relay.received).toHaveLength(3);
    answer = () => '451 4.3.0 later';
    await submit(1);
    expect(await once()).toEqual(QUIET);
    expect(await queue.count({ deferred: true })).toBe(1);
  });

  test('says at the end, where that is asked for, what was sent and what was deferred', async () => {
    await submit(2);
    const { stdout } = await once('--log-level', 'info', '--log-format', 'json');
    const last = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(last.find(({ msg }) => msg === 'round is over')).toMatchObject({
      sent: 2,
      deferred: 0,
      ended: 0,
      took: expect.any(Number),
    });
  });

  test('is heard where mail would be captured because no relay is set', async () => {
    await submit(2);
    const ran = await posthaste(folder.path, 'work', '--once');
    expect([ran.code, ran.stdout]).toEqual([0, expect.stringContaining('no relay is set')]);
  });

  test('counts as a worker until some time after its end', async () => {
    await once();
    const { code, stdout } = await posthaste(folder.path, 'status');
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^worker .* \(work --once\): last seen (?:now|\d+s ago)$/m),
    ]);
  });

  test('shares the work with runs beside it: each message goes once', async () => {
    await submit(40);
    expect(await Promise.all([once(), once(), once()])).toEqual([QUIET, QUIET, QUIET]);
    expect(relay.received).toHaveLength(40);
  });

  test('takes the limits of a run as flags', async () => {
    await submit(5);
    expect(await once('--max-batch', '2')).toEqual(QUIET);
    expect(relay.received).toHaveLength(2);
    answer = () => '451 4.3.0 later';
    expect(await once('--max-deferred', '1', '--max-retries', '0')).toEqual(QUIET);
    expect(await queue.count({ states: ['bounced'] })).toBe(3);
    answer = () => usual;
    await submit(2);
    expect(await once('--throttle', '10ms')).toEqual(QUIET);
    expect(relay.received.filter(({ refused }) => !refused).length).toBeGreaterThanOrEqual(4);
  });
});

describe('the lock', () => {
  const lock = (): string[] => ['--lock-path', `${folder.path}/send_mail.lock`];

  /** A run that holds the lock while the relay lets it wait. */
  async function holder(): Promise<{ server: ReturnType<typeof started>; go: () => void }> {
    let go = (): void => undefined;
    const wait = new Promise<void>((resolve) => (go = resolve));
    const reached = new Promise<void>((resolve) => {
      answer = () => {
        resolve();
        return when(wait);
      };
    });
    const { id } = await queue.submit(mail);
    const args = [BIN, 'work', '--once', '--data-dir', folder.path, '--relay', url(), ...lock()];
    const server = started(args, { dataDir: folder.path });
    await reached;
    expect((await queue.get(id))?.deliveries[0]?.state).toBe('sending');
    return { server, go };
  }

  test('keeps a second run from doing anything, which says so by its exit code alone', async () => {
    const { server, go } = await holder();
    await submit(1);
    expect(await once(...lock())).toEqual({ ...QUIET, code: 75 });
    expect(await queue.count({ states: ['queued'] })).toBe(1);
    expect(await once(...lock(), '--lock-wait', '200ms')).toEqual({ ...QUIET, code: 75 });
    go();
    expect(await server.ended()).toBe(0);
  });

  test('is waited for as long as lockWait says, and let go with the end of a run', async () => {
    const { server, go } = await holder();
    const waiting = once(...lock(), '--lock-wait', '1m');
    go();
    expect(await server.ended()).toBe(0);
    expect(await waiting).toEqual(QUIET);
    expect(await once(...lock())).toEqual(QUIET);
  });

  test('is neither taken nor heeded with --no-lock', async () => {
    const { server, go } = await holder();
    answer = () => usual;
    await submit(1);
    expect(await once(...lock(), '--no-lock')).toEqual(QUIET);
    expect(relay.received).toHaveLength(2);
    go();
    expect(await server.ended()).toBe(0);
  });

  test('of a killed process is gone with it, though its file is there', async () => {
    const { server } = await holder();
    server.signal('SIGKILL');
    expect(await server.ended()).toBe('SIGKILL');
    answer = () => usual;
    await submit(1);
    expect(await once(...lock())).toEqual(QUIET);
    expect(await queue.count({ states: ['sent'] })).toBe(2);
  });

  test('of a run that failed is let go', async () => {
    const ran = await once(...lock(), '--database', 'sqlite:/dev/null/none.db');
    expect(ran.code).toBe(1);
    expect(await once(...lock())).toEqual(QUIET);
  });

  test('on a file of something else, or where none can be, is a wrong setting', async () => {
    const bad = [BIN, '/dev/null/lock'].map((path) => once('--lock-path', path));
    for (const { code, stderr } of await Promise.all(bad))
      expect([code, stderr]).toEqual([
        78,
        expect.stringMatching(/^posthaste: lockPath is ".*", which cannot be locked: .+\n$/),
      ]);
  });
});

test('retry --deferred sends what waits, also where retries are manual, and is quiet when asked to be', async () => {
  answer = () => '451 4.3.0 later';
  const { id } = await queue.submit(mail, { retry: 'manual', priority: 'high' });
  await once();
  answer = () => usual;
  const shown = await posthaste(folder.path, 'show', id);
  expect(shown.stdout).toContain('no next try (on demand)');
  expect(shown.stdout).toContain('retries    tried again on demand');
  await once();
  expect((await queue.get(id))?.deliveries[0]).toMatchObject({ state: 'queued', attempts: 1, priority: 'high' });
  expect(await posthaste(folder.path, 'retry', '--deferred')).toEqual({
    ...QUIET,
    stdout: '1 delivery queued for an attempt at once\n',
  });
  expect(await posthaste(folder.path, 'retry', '--deferred', '--quiet')).toEqual(QUIET);
  await once();
  expect((await queue.get(id))?.attempts.map(({ outcome }) => outcome)).toEqual(['deferred', 'sent']);
});

test('pause --all stops work --once, work, serve and the library, and resume --all lets all go on', async () => {
  await submit(1);
  await posthaste(folder.path, 'pause', '--all');
  expect(await once()).toEqual(QUIET);
  expect(await queue.workOnce()).toEqual({ sent: 0, deferred: 0, ended: 0 });
  await queue.work();
  const server = serve({ dataDir: folder.path, relay: url() });
  await server.ready();
  await posthaste(folder.path, 'send', '--from', 'a@example.com', '--to', 'b@example.com', '--text', 'x');
  await submit(1);
  expect((await posthaste(folder.path, 'retry', '--all', '--quiet')).code).toBe(0);
  expect(await once()).toEqual(QUIET);
  expect(relay.received).toEqual([]);
  expect(await queue.count({ states: ['queued'] })).toBe(3);
  await posthaste(folder.path, 'resume', '--all');
  await until(async () => (await queue.count({ states: ['sent'] })) === 3);
  expect(await server.stop()).toBe(0);
});

describe('queue.work and queue.workOnce', () => {
  test('take the limits of a round as options', async () => {
    await submit(5);
    expect(await queue.workOnce({ maxBatch: 2 })).toEqual({ sent: 2, deferred: 0, ended: 0 });
    answer = () => '451 4.3.0 later';
    expect(await queue.workOnce({ maxDeferred: 1, throttle: '1ms' })).toEqual({ sent: 0, deferred: 1, ended: 0 });
    expect(await queue.workOnce({ maxRetries: 0 })).toEqual({ sent: 0, deferred: 0, ended: 2 });
    answer = () => usual;
    await queue.work({ maxBatch: 1, batchPause: 5 });
    await submit(3);
    await until(async () => (await queue.count({ states: ['sent'] })) === 5);
  });

  test('leave each relay the limits and the retries of its own', async () => {
    const [a, b] = [
      { url: url(), maxBatch: 1 },
      { url: url(), retry: 'manual' as const },
    ];
    const routes = [{ recipient: '@b.example', relay: 'b' }];
    await using own = await openQueue({
      database: `${folder.path}/own.db`,
      relays: { a, b },
      defaultRelay: 'a',
      routes,
    });
    for (const to of ['1@a.example', '2@a.example', '1@b.example', '2@b.example']) await own.submit({ ...mail, to });
    expect(await own.workOnce()).toEqual({ sent: 3, deferred: 0, ended: 0 });
    expect(await own.count({ relay: 'a', states: ['queued'] })).toBe(1);
    answer = () => '451 4.3.0 later';
    const { id } = await own.submit({ ...mail, to: '3@b.example' });
    expect(await own.workOnce()).toEqual({ sent: 0, deferred: 2, ended: 0 });
    expect((await own.get(id))?.deliveries[0]?.dueAt).toBe(8_640_000_000_000_000);
    expect((await own.get(id))?.deliveries[0]?.why).toMatch(
      /retries are manual, so it waits until somebody retries it\.$/,
    );
  });

  test.each([
    [{ maxBatch: 0 }, 'maxBatch is 0: give a whole number of at least 1, or unlimited.'],
    [
      { throttle: 'slow' },
      'throttle is "slow": give a duration such as 30s, 5m, 4h or 5d, or a number of milliseconds.',
    ],
    [
      { batches: 1 },
      'Work has no option batches: there are maxBatch, maxDeferred, throttle, batchPause, maxRetries, retry.',
    ],
  ])('refuse %j', async (options, message) => {
    await expect(queue.workOnce(options as object)).rejects.toMatchObject({ code: 'OPTION_INVALID', message });
    await expect(queue.work(options as object)).rejects.toMatchObject({ code: 'OPTION_INVALID', message });
  });
});
