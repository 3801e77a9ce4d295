/** posthaste beside django-mailer: each of its statements has a test here or a reason, and what the pages say of it is true. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { buildProgram } from '../../src/cli/commands.ts';
import { Cli } from '../../src/cli/context.ts';
import { program } from '../../src/cli/program.ts';
import { flagOf, settingNames } from '../../src/config/settings.ts';
import { openQueue } from '../../src/index.ts';
import { startRelay } from '../relay/scripted.ts';
import { posthaste, temporaryFolder } from '../support/posthaste.ts';
import { COMMANDS, SETTINGS, STATEMENTS } from './statements.ts';

const ROOT = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');

test('every statement from 1 to 70 has a test or a reason', () => {
  expect(Object.keys(STATEMENTS)).toEqual(Array.from({ length: 70 }, (_, i) => String(i + 1)));
  const bare = Object.entries(STATEMENTS).filter(([, { tests = [], reason }]) => tests.length === 0 && !reason);
  expect(bare).toEqual([]);
});

/** The titles of the tests in a file, as they stand there. */
function titlesIn(path: string): readonly string[] {
  const titled = /(?:\b(?:test|it)(?:\.\w+)*|\))\(\s*(['`])((?:(?!\1)[^\\\n]|\\.)+)\1,/g;
  return Array.from(read(path).matchAll(titled), ([, , title = '']) => title);
}

const tested = Object.entries(STATEMENTS).filter(([, { tests }]) => tests !== undefined);

describe.each(tested)('statement %s', (_, { says, tests = [] }) => {
  test.each(tests.map((each) => [each]))(`${says}: %s`, (each) => {
    const [, path = '', title = ''] = /^(\S+): (.*)$/.exec(each) ?? [];
    expect(titlesIn(path).filter((one) => one.includes(title))).not.toEqual([]);
  });
});

describe('docs/django-mailer.md', () => {
  const page = read('docs/django-mailer.md');
  const rows = page
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').slice(1, 3) as [string, string]);
  const codes = (cell: string): string[] => Array.from(cell.matchAll(/`([^`]+)`/g), ([, code = '']) => code);

  test('has every setting and every command of django-mailer in a row', () => {
    const theirs = rows.flatMap(([left]) => codes(left)).map((code) => code.replace('manage.py ', '').split(' ')[0]);
    expect([...SETTINGS, ...COMMANDS].filter((name) => !theirs.includes(name))).toEqual([]);
  });

  test('names only settings, flags and commands that there are', () => {
    const commands = buildProgram(new Cli(program)).commands.map((command) => command.name());
    const flags = ['--no-lock', ...settingNames.map(flagOf)];
    const ours = rows
      .filter(([left]) => /MAILER_|manage\.py|ADMINS|_EMAIL/.test(left))
      .flatMap(([, right]) => codes(right));
    const isKnown = (code: string): boolean => {
      const [first = '', second = ''] = code.split(' ');
      if (first === 'posthaste') return commands.includes(second);
      if (first.startsWith('--')) return flags.includes(first);
      return (
        /[.(]|^(?:sent|deferred|refused|url|transport|serve)$/.test(code) ||
        (settingNames as readonly string[]).includes(first)
      );
    };
    expect(ours.filter((code) => !isKnown(code))).toEqual([]);
  });

  test('shows a configuration that posthaste takes', async () => {
    using folder = temporaryFolder();
    const [, text = ''] = /```json\n(.*?)\n```/s.exec(page) ?? [];
    const { relay: _, ...settings } = JSON.parse(text) as Record<string, string>;
    const queue = await openQueue({ dataDir: folder.path, ...settings });
    await queue.close();
  });
});

test('the three lines of docs/cron.md do what they say, and print nothing', async () => {
  using folder = temporaryFolder();
  const [, crontab = ''] = /```crontab\n(.*?)```/s.exec(read('docs/cron.md')) ?? [];
  const lines = crontab.trim().split('\n');
  const commands = lines.map((line) => line.replace(/^(?:\S+\s+){5}posthaste /, '').split(' '));
  expect(commands.map(([name]) => name)).toEqual(['work', 'retry', 'purge']);
  let failing = true;
  const relay = await startRelay({ script: { dot: () => (failing ? '451 4.3.0 later' : { kind: 'usual' }) } });
  const queue = await openQueue({ dataDir: folder.path });
  const mail = { from: 'app@example.com', to: 'bob@example.org', text: 'x' };
  const { id } = await queue.submit(mail, { retry: 'manual' });
  const url = `smtp://127.0.0.1:${relay.port}`;
  const tick = async (): Promise<void> => {
    for (const command of commands) {
      const flags = command[0] === 'work' ? ['--relay', url] : [];
      expect(await posthaste(folder.path, ...command, ...flags)).toEqual({ code: 0, stdout: '', stderr: '' });
    }
  };
  await tick();
  expect((await queue.get(id))?.deliveries[0]).toMatchObject({ state: 'queued', attempts: 1 });
  failing = false;
  await tick();
  expect((await queue.get(id))?.deliveries[0]).toMatchObject({ state: 'sent', attempts: 2 });
  await queue.close();
  await relay.close();
});
