/** The unit and the container of docs/examples/: judged by systemd, and run in a plain folder. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config/read.ts';
import { BIN, run, type Server, started, temporaryFolder } from '../support/posthaste.ts';
import { filesOf } from './pages.ts';

function fileOf(page: string, path: string): string {
  const found = filesOf(`docs/examples/${page}`).find((file) => file.path === path);
  if (found === undefined) throw new Error(`docs/examples/${page} shows no ${path}`);
  return found.text;
}

// Debian has it wherever systemd is, and CI installs neither.
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
if (!hasSystemd) console.warn('\n*** SKIPPED: systemd-analyze is not there, nobody judges the unit ***\n');

describe('the unit for systemd', () => {
  test.skipIf(!hasSystemd)('has no fault, and an exposure that systemd calls OK', async () => {
    using folder = temporaryFolder();
    const unit = join(folder.path, 'posthaste.service');
    // The documentation is not at hand, and the program is elsewhere.
    const text = fileOf('systemd.md', 'posthaste.service').replace('/usr/local/bin/posthaste', process.execPath);
    writeFileSync(unit, text);
    const socket = join(folder.path, 'posthaste.socket');
    writeFileSync(socket, fileOf('systemd.md', 'posthaste.socket'));
    const verified = await run('systemd-analyze', ['verify', '--man=no', '--recursive-errors=no', unit, socket]);
    expect([verified.code, verified.stderr.replace(/^.*(?:Failed to (?:open|prepare)|Ignoring).*\n/gm, '')]).toEqual([
      0,
      '',
    ]);
    const judged = await run('systemd-analyze', ['security', '--offline=true', '--threshold=25', unit]);
    expect(judged.code, judged.stdout.split('\n').at(-2)).toBe(0);
  });

  test('has settings and a command that posthaste knows', async () => {
    const text = fileOf('systemd.md', 'posthaste.service');
    const variables = Array.from(text.matchAll(/^Environment=(\w+)=(.*)$/gm), ([, name = '', value = '']) => [
      name,
      value,
    ]);
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'relay'), 'smtp://user:password@smtp.example.com:587\n');
    const environment = Object.fromEntries(variables.map(([name, value]) => [name, value?.replace('%d', folder.path)]));
    const result = await readConfig({ flags: {}, environment, cwd: folder.path });
    expect(result).toHaveProperty('loaded.config.relay', 'smtp://user:password@smtp.example.com:587');
    expect(text).toMatch(/^ExecStart=\S+\/posthaste serve$/m);
  });
});

interface Dockerfile {
  readonly environment: Readonly<Record<string, string>>;
  /** ENTRYPOINT and CMD. */
  readonly command: readonly string[];
  readonly health: readonly string[];
  readonly shell: readonly string[];
}

function dockerfile(): Dockerfile {
  const text = fileOf('container.md', 'Dockerfile');
  const values = (word: string): string[] =>
    Array.from(text.matchAll(new RegExp(`^${word} (.*)$`, 'gm')), ([, value = '']) => value);
  const list = (value: string | undefined): string[] => JSON.parse(value ?? '[]');
  return {
    environment: Object.fromEntries(values('ENV').map((pair) => pair.split(/=(.*)/s).slice(0, 2) as [string, string])),
    command: [...list(values('ENTRYPOINT')[0]), ...list(values('CMD')[0])],
    health: list(values('HEALTHCHECK CMD')[0]),
    shell: values('RUN'),
  };
}

describe('the container', () => {
  test('starts by its command, is well by its health check, and not once it is stopped', async () => {
    const { environment, command, health } = dockerfile();
    expect(environment).toMatchObject({ POSTHASTE_DATA_DIR: '/data', POSTHASTE_LISTEN: '0.0.0.0:2525' });
    using folder = temporaryFolder();
    const data = join(folder.path, 'data');
    mkdirSync(data);
    const [program, ...args] = command;
    expect(program).toBe('posthaste');
    const compose = fileOf('container.md', 'compose.yaml');
    const clients = /POSTHASTE_CLIENTS: (\S+)/.exec(compose)?.[1] ?? '';
    expect(compose).toContain(`subnet: ${clients}`);
    const own = { POSTHASTE_DATA_DIR: data, POSTHASTE_LISTEN: '0.0.0.0:0', POSTHASTE_ADMIN: '127.0.0.1:0' };
    const server: Server = started([BIN, ...args], {
      dataDir: folder.path,
      environment: { ...environment, ...own, POSTHASTE_CLIENTS: clients, POSTHASTE_LOG_FORMAT: 'json' },
    });
    const { admin } = await server.ready();
    const [node, flag, code = ''] = health;
    expect([node, flag]).toEqual(['node', '-e']);
    const check = () => run(process.execPath, ['-e', code.replace('8025', String(admin))]);
    expect((await check()).code).toBe(0);
    expect(await server.stop()).toBe(0);
    expect((await check()).code).toBe(1);
  });

  test('is refused without the list of clients, for it would be an open relay', async () => {
    const { environment, command } = dockerfile();
    using folder = temporaryFolder();
    const ran = await run(process.execPath, [BIN, ...command.slice(1)], {
      environment: { ...environment, POSTHASTE_DATA_DIR: folder.path },
    });
    expect(ran.code).toBe(78);
    expect(ran.stderr).toContain('0.0.0.0 can be reached from other machines');
  });
});

test('the link of docs/sendmail.md is what npm makes of the program', () => {
  using folder = temporaryFolder();
  symlinkSync(BIN, join(folder.path, 'posthaste'));
  symlinkSync(join(folder.path, 'posthaste'), join(folder.path, 'sendmail'));
  const ran = spawnSync(process.execPath, [join(folder.path, 'sendmail'), '-q', '-v'], { encoding: 'utf8' });
  expect([ran.status, ran.stderr]).toEqual([0, expect.stringContaining('nothing to do')]);
});
