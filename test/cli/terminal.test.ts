import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { Terminal } from '../../src/cli/terminal.ts';
import { BIN, cleanEnvironment, run } from '../support/posthaste.ts';
import { Folder, perform, refuser } from './command.ts';

/** Somebody who sits before a terminal of 80 columns and gives one answer to everything. */
class Person extends Terminal {
  readonly questions: string[] = [];
  readonly lines: string[] = [];
  readonly #answer: boolean;

  constructor(answer: boolean) {
    super();
    this.#answer = answer;
  }

  override get interactive(): boolean {
    return true;
  }

  override get showing(): boolean {
    return true;
  }

  override get width(): number {
    return 80;
  }

  override async write(data: string | Uint8Array): Promise<void> {
    this.lines.push(...Buffer.from(data).toString().trimEnd().split('\n'));
  }

  /** What happens while they think. */
  meanwhile: () => Promise<unknown> = () => Promise.resolve();

  override async confirm(question: string): Promise<boolean> {
    this.questions.push(question);
    await this.meanwhile();
    return this.#answer;
  }
}

describe('a person is asked before a filter moves anything', () => {
  test('and told how many deliveries it would be', async () => {
    using folder = new Folder();
    await folder.send('bob@example.com, cy@example.com');
    const person = new Person(true);
    await perform(person, folder, 'cancel', '--all');
    expect(person.questions).toEqual(['cancel 2 deliveries?']);
    expect(person.lines).toEqual(['2 deliveries cancelled']);
  });

  test('and "no" changes nothing', async () => {
    using folder = new Folder();
    await folder.send('bob@example.com');
    const person = new Person(false);
    await expect(perform(person, folder, 'hold', '--sender', 'ann@example.com')).rejects.toThrow('nothing was changed');
    expect((await folder.json('list'))[0]).toMatchObject({ state: 'queued' });
  });

  test('and nothing more is moved than was counted, whatever comes meanwhile', async () => {
    using folder = new Folder();
    await folder.send('bob@example.com, cy@example.com');
    const person = new Person(true);
    person.meanwhile = () => folder.send('late@example.com');
    await perform(person, folder, 'hold', '--all');
    const late = await folder.send('later@example.com');
    person.meanwhile = () => folder.say('hold', late);
    await perform(person, folder, 'release', '--all');
    expect(person.questions).toEqual(['hold 2 deliveries?', 'release 2 deliveries?']);
    expect(person.lines).toEqual(['2 deliveries held', '2 deliveries released']);
  });

  test('and not at all for ids, for --yes, or for nothing', async () => {
    using folder = new Folder();
    const id = await folder.send('bob@example.com');
    const person = new Person(false);
    await perform(person, folder, 'hold', id);
    await perform(person, folder, 'release', '--all', '--yes');
    await perform(person, folder, 'release', '--all');
    expect(person.questions).toEqual([]);
    expect(person.lines).toEqual(['1 delivery held', '1 delivery released', 'no deliveries to release']);
  });
});

test('a list fits the terminal, with an id to copy and the reason why mail waits', async () => {
  using folder = new Folder();
  await using relay = await refuser();
  const id = await folder.send(`${'b'.repeat(60)}@example.com`);
  await folder.run(['work', '--once', '--relay', relay.url]);
  const person = new Person(true);
  await perform(person, folder, 'list', '--state', 'all', '--sender', 'ann@example.com');
  const lines = person.lines.map((line) => stripVTControlCharacters(line));
  for (const line of lines) expect([...line].length).toBeLessThanOrEqual(80);
  const [shown = ''] = lines[1]?.split(' ') ?? [];
  expect([id.startsWith(shown), shown.length]).toEqual([true, 18]);
  expect(lines[1]).toMatch(/ bounced .* bbbbbbbbbbbbb+… +550 5\.1\.1 /);
  await perform(person, folder, 'show', shown);
  expect(person.lines.join('\n')).toContain(id);
  expect(await folder.say('list', '--state', 'all')).toContain(`${id}  bounced`);
});

test('a content cannot steer the terminal that shows it', async () => {
  using folder = new Folder();
  const id = await folder.send('bob@example.com', '--subject', 'x', '--text', 'a\x1b[2Jb');
  const person = new Person(true);
  await perform(person, folder, 'show', id, '--content');
  expect(person.lines.join('\n')).not.toContain('\x1b');
});

test('a reader that has enough ends the command quietly', async () => {
  using folder = new Folder();
  await folder.send(Array.from({ length: 900 }, (_, i) => `user${i}@example.com`).join(', '));
  const child = spawn(process.execPath, [BIN, 'list', '--json', '--data-dir', `${folder.path}/posthaste`], {
    cwd: folder.path,
    env: cleanEnvironment(),
  });
  const errors: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  child.stdout.once('data', () => child.stdout.destroy());
  const [code] = (await once(child, 'close')) as [number | null];
  expect([code, Buffer.concat(errors).toString()]).toEqual([0, '']);
});

test.runIf(existsSync('/dev/full'))('an output that cannot be written is told in one line', async () => {
  using folder = new Folder();
  await folder.send('bob@example.com');
  const command = `"$0" "$1" list --data-dir "${folder.path}/posthaste" > /dev/full`;
  const { code, stderr } = await run('sh', ['-c', command, process.execPath, BIN], { cwd: folder.path });
  expect(stderr).toBe('posthaste: standard output cannot be written: ENOSPC: no space left on device, write\n');
  expect(code).toBe(1);
});

test('config fits a terminal of 80 columns, and is whole for programs', async () => {
  using folder = new Folder();
  const person = new Person(true);
  await perform(person, folder, 'config', '--relay', `smtp://127.0.0.1:25?name=${'long.'.repeat(30)}example`);
  expect(Math.max(...person.lines.map((line) => stripVTControlCharacters(line).length))).toBeLessThanOrEqual(80);
  expect(person.lines.find((line) => line.startsWith('relay '))).toMatch(/^relay +smtp:\/\/127.* --relay$/);
  expect(await folder.out('config')).toMatch(/^retryFirstDelay +1m +default$/m);
});

test('retry of what a relay has taken says that this is none, and what it is for', async () => {
  using folder = new Folder();
  await folder.say('migrate');
  const asked = perform(new Person(true), folder, 'retry', '--state', 'sent', '--all');
  await expect(asked).rejects.toThrow(
    'what is sent cannot be queued for an attempt at once: retry is for what is queued, captured, bounced, cancelled',
  );
});

test('status takes the least free space as a flag', async () => {
  using folder = new Folder();
  await folder.say('migrate');
  const { stdout, code } = await folder.run(['status', '--min-free-space', '9000000GB']);
  expect(code).toBe(2);
  expect(stdout).toMatch(/^CRITICAL: the disk of the database has .* less than minFreeSpace/m);
});
