/** What is said of a SQLite file that cannot be opened: the cause, of which SQLite tells nothing. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BIN } from '../support/posthaste.ts';
import { fill, smallDisk } from '../support/small-disk.ts';
import { Folder } from './command.ts';

const SEND = ['send', '--from', 'ann@example.com', '--to', 'bob@example.com', '--text', 'hello'];

test('a dataDir that is a file', async () => {
  using folder = new Folder();
  const file = join(folder.path, 'file');
  writeFileSync(file, '');
  const sent = await folder.run([...SEND, '--data-dir', file]);
  expect(sent.stderr).toMatch(/ENOTDIR.*dataDir and all before it must be folders/);
  const { code, stdout } = await folder.run(['check', '--data-dir', file]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^FAIL {2}database {2}.*file is no folder; .*set another dataDir$/m);
});

test('a file system that is mounted read-only, also for check, which gives one advice', async ({ skip }) => {
  using folder = new Folder();
  using disk = smallDisk();
  if (disk === null) return skip();
  expect((await folder.run([...SEND, '--data-dir', disk.path])).code).toBe(0);
  spawnSync('mount', ['-o', 'remount,ro', disk.path]);
  const told = /EROFS.* Its file system is mounted read-only: mount it for writing, or set another dataDir\.$/m;
  for (const args of [SEND, ['list'], ['check']]) {
    const { code, stdout, stderr } = await folder.run([...args, '--data-dir', disk.path]);
    expect(code, args.join(' ')).toBe(1);
    expect(stdout + stderr).toMatch(told);
  }
});

test('a disk without room for what SQLite needs to open it', async ({ skip }) => {
  using folder = new Folder();
  using disk = smallDisk();
  if (disk === null) return skip();
  expect((await folder.run([...SEND, '--data-dir', disk.path])).code).toBe(0);
  fill(join(disk.path, 'filler'));
  const { code, stderr } = await folder.run(['status', '--data-dir', disk.path]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/posthaste\.db cannot be used: .* Free space on its disk/);
});

test('no file descriptors left', () => {
  using folder = new Folder();
  const serve = `exec "${process.execPath}" "$0" serve --data-dir "$1" --listen 127.0.0.1:0 --admin off`;
  const { stderr } = spawnSync('sh', ['-c', `ulimit -n 26; ${serve}`, BIN, folder.path], { encoding: 'utf8' });
  expect(stderr).toMatch(/\(EMFILE\)\. .* no file descriptors left: .*ulimit -n .*LimitNOFILE=/);
});
