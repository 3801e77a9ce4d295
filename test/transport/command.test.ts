/** Mail into programs: real ones, that take, refuse, hang, die, and say too much. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/runtime/clock.ts';
import { type CommandOptions, CommandTransport } from '../../src/transport/command.ts';
import { NullTransport } from '../../src/transport/null.ts';
import { content, envelope, kinds, never, streamed, toOne } from '../smtp/client/mail.ts';
import { until } from '../support/until.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'posthaste-command-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const two = envelope('a@example.com', 'b@example.com');

/** A program of Node.js, given as text. */
const node = (program: string, ...args: readonly string[]): string[] => [
  process.execPath,
  '-e',
  program,
  '--',
  ...args,
];
const SHOW =
  "process.stdin.setEncoding('latin1').on('data', (d) => { global.all = (global.all ?? '') + d }).on('end', () => console.log(JSON.stringify([process.argv.slice(1), all])))";

const run = (command: readonly string[], more: Partial<CommandOptions> = {}): CommandTransport =>
  new CommandTransport({ command, ...more });

describe('a command', () => {
  test('gets the content on its standard input, and the addresses where they are wanted', async () => {
    const outcomes = await run(node(SHOW, '{sender}', 'to={recipient}', '$HOME; ls')).send(
      two,
      content('a\r\n.\r\n'),
      never,
    );
    expect(kinds(outcomes)).toEqual(['sent', 'sent']);
    expect(outcomes.map(({ reply }) => JSON.parse(reply.text))).toEqual([
      [['sender@example.com', 'to=a@example.com', '$HOME; ls'], 'a\r\n.\r\n'],
      [['sender@example.com', 'to=b@example.com', '$HOME; ls'], 'a\r\n.\r\n'],
    ]);
  });

  test('runs once for all recipients where it takes them all', async () => {
    const [first, second] = await run(node(SHOW, '-f', '{sender}', '{recipients}')).send(
      { ...two, sender: null },
      content(),
      never,
    );
    expect(JSON.parse(first?.reply.text ?? '')[0]).toEqual(['-f', '<>', 'a@example.com', 'b@example.com']);
    expect(second).toBe(first);
  });

  test.each([
    [0, 'sent', 250, '2.0.0'],
    [64, 'refused recipient', 550, '5.3.0'],
    [67, 'refused recipient', 550, '5.1.1'],
    [69, 'refused recipient', 550, '5.3.0'],
    [70, 'deferred recipient', 450, '4.3.0'],
    [71, 'deferred relay', 450, '4.3.0'],
    [75, 'deferred recipient', 450, '4.3.0'],
    [77, 'refused recipient', 550, '5.7.0'],
    [78, 'deferred relay', 450, '4.3.5'],
    [1, 'deferred recipient', 450, '4.3.0'],
    [200, 'deferred recipient', 450, '4.3.0'],
  ])('that ends with %i: %s', async (code, kind, replied, status) => {
    const [outcome] = await run(['/bin/sh', '-c', `cat >/dev/null; exit ${code}`, '{recipient}']).send(
      toOne,
      content(),
      never,
    );
    expect(kinds(outcome === undefined ? [] : [outcome])).toEqual([kind]);
    expect(outcome?.reply).toMatchObject({ code: replied, status });
  });

  test.each([
    [67, '4.2.2 mailbox full', 'deferred message', { code: 450, status: '4.2.2', text: 'mailbox full' }],
    [75, '5.1.1 nobody of that name', 'refused message', { code: 550, status: '5.1.1', text: 'nobody of that name' }],
    [75, 'no status', 'deferred message', { code: 450, status: '4.3.0', text: 'temporary failure: no status' }],
  ])('may say more than its code: %i and "%s"', async (code, said, kind, reply) => {
    const outcomes = await run(['/bin/sh', '-c', `echo '${said}' >&2; exit ${code}`]).send(toOne, content(), never);
    expect(kinds(outcomes)).toEqual([kind]);
    expect(outcomes[0]?.reply).toEqual({ ...reply, ours: true });
  });

  test('that does not read a large content may still say yes', async () => {
    expect(kinds(await run(['/bin/true']).send(toOne, content(Buffer.alloc(1_000_000, 'x')), never))).toEqual(['sent']);
  });

  test('that says far too much is heard to its end, and quoted in part, on lines that can forge nothing', async () => {
    const program = "process.stdin.resume().on('end', () => { process.stdout.write('\\x1b[31m' + 'y'.repeat(1e6)) })";
    const [outcome] = await run(node(program)).send(toOne, content(), never);
    expect(outcome?.kind).toBe('sent');
    expect(outcome?.reply.text).toMatch(/^\\u001b\[31my+$/);
    expect(outcome?.reply.text.length).toBeLessThan(1_100);
  });

  test('that hangs is killed with all that it started, and is in doubt when it had the whole content', async () => {
    const clock = new ManualClock(0);
    const transport = new CommandTransport(
      {
        command: ['/bin/sh', '-c', 'cat >/dev/null; echo ready >READY; sleep 1000 | cat'],
        cwd: folder,
        timeout: 5_000,
      },
      { clock },
    );
    const sending = transport.send(toOne, content(), never);
    await fileAppears(join(folder, 'READY'));
    clock.moveTo(5_000);
    expect(kinds(await sending)).toEqual(['deferred message in doubt']);
    expect((await sending)[0]?.reply.text).toMatch(/did not end within 5 s/);
  });

  test('that leaves a child behind with its output open holds nothing of this process open', async () => {
    const pipes = (): number => process.getActiveResourcesInfo().filter((name) => name === 'PipeWrap').length;
    const before = pipes();
    const clock = new ManualClock(1_000_000);
    const sending = new CommandTransport({ command: ['sh', '-c', 'cat >/dev/null; sleep 15 & exit 0'] }, { clock });
    let outcomes: string[] | undefined;
    void sending.send(toOne, content(), never).then((all) => {
      outcomes = kinds(all);
    });
    await until(() => {
      clock.moveTo(clock.now() + 100);
      return outcomes !== undefined;
    });
    expect(outcomes).toEqual(['sent']);
    await until(() => pipes() === before);
  });

  test('that dies is tried again', async () => {
    const [outcome] = await run(['/bin/sh', '-c', 'cat >/dev/null; kill -9 $$']).send(toOne, content(), never);
    expect(outcome).toMatchObject({ kind: 'deferred', scope: 'message', inDoubt: true });
    expect(outcome?.reply.text).toMatch(/was ended by SIGKILL/);
  });

  test('that is not there is a fault of the relay', async () => {
    const [outcome] = await run([join(folder, 'missing')]).send(toOne, content(), never);
    expect(outcome).toMatchObject({ kind: 'deferred', scope: 'relay', inDoubt: false });
    expect(outcome?.reply.text).toMatch(/cannot be started .*ENOENT/);
  });

  test('takes no address for an option', async () => {
    const dash = envelope('-oQ/tmp@example.com');
    expect(kinds(await run(['/bin/true', '{recipient}']).send(dash, content(), never))).toEqual(['refused recipient']);
    expect(kinds(await run(['/bin/true', '{recipients}']).send(dash, content(), never))).toEqual(['refused message']);
    expect(kinds(await run(['/bin/true', '--', '{recipient}']).send(dash, content(), never))).toEqual(['sent']);
  });

  test('does not see our environment', async () => {
    process.env.POSTHASTE_TEST_SECRET = 'geheim';
    try {
      const [outcome] = await run(['/bin/sh', '-c', 'cat >/dev/null; env'], { env: { EXTRA: 'x' } }).send(
        toOne,
        content(),
        never,
      );
      expect(outcome?.reply.text).toContain('EXTRA=x');
      expect(outcome?.reply.text).not.toContain('geheim');
    } finally {
      delete process.env.POSTHASTE_TEST_SECRET;
    }
  });

  test('is killed when it is given up before it has the whole content', async () => {
    const controller = new AbortController();
    const content = streamed(10, async function* () {
      yield Buffer.from('x');
      controller.abort();
      yield Buffer.from('y'.repeat(9));
    });
    expect(kinds(await run(['/bin/cat']).send(toOne, content, controller.signal))).toEqual(['deferred relay']);
  });

  test('is killed when the content cannot be read, and those before are told of', async () => {
    let reads = 0;
    const broken = streamed(3, async function* () {
      if (reads++ > 0) throw new Error('disk on fire');
      yield Buffer.from('a\r\n');
    });
    expect(kinds(await run(['/bin/cat', '-', '{recipient}']).send(two, broken, never)).length).toBe(2);
    await expect(run(['/bin/cat']).send(toOne, broken, never)).rejects.toThrow('disk on fire');
  });

  test('must be given', () => {
    expect(() => run([])).toThrow(/needs a program/);
    expect(() => run(['{recipient}'])).toThrow(/needs a program/);
  });
});

test('the null relay says that nothing was sent', async () => {
  const outcomes = await new NullTransport().send(two);
  expect(outcomes.map(({ kind }) => kind)).toEqual(['captured', 'captured']);
  expect(outcomes[0]?.reply.text).toMatch(/nothing was handed to anybody/);
});

/** Looks again whenever the folder has changed. */
async function fileAppears(path: string): Promise<void> {
  const { watch } = await import('node:fs/promises');
  const exists = (): boolean => {
    try {
      return readFileSync(path, 'utf8').length > 0;
    } catch {
      return false;
    }
  };
  const controller = new AbortController();
  const events = watch(folder, { signal: controller.signal });
  if (exists()) return;
  for await (const _ of events) if (exists()) break;
  controller.abort();
}
