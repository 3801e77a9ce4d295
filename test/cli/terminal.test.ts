import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { Terminal } from '../../src/cli/terminal.ts';
import { BIN, cleanEnvironment } from '../support/posthaste.ts';
import { Folder, perform } from './command.ts';

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

  override async confirm(question: string): Promise<boolean> {
    this.questions.push(question);
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

test('a list fits the terminal, with the whole id to copy', async () => {
  using folder = new Folder();
  const id = await folder.send(`${'b'.repeat(60)}@example.com`);
  const person = new Person(true);
  await perform(person, folder, 'list');
  for (const line of person.lines) expect([...stripVTControlCharacters(line)].length).toBeLessThanOrEqual(80);
  expect(person.lines.join('\n')).toContain(id);
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
