/** What commands say of a damaged file: which it is, and what to do. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { damage } from '../support/damage.ts';
import { Folder } from './command.ts';

test('each command that meets the damage names the file and what to do', async () => {
  using folder = new Folder();
  await folder.send('bob@example.com');
  damage(join(folder.path, 'posthaste/posthaste.db'), 'posthaste_messages');
  const told =
    /^posthaste: The database .*posthaste\.db cannot be used: .* \(SQLITE_CORRUPT\)\. Restore it from a backup/m;
  const send = ['send', '--from', 'ann@example.com', '--to', 'bob@example.com', '--text', 'hello'];
  for (const args of [['list'], ['list', '--json'], send]) {
    const { code, stdout, stderr } = await folder.run(args);
    expect([code, stdout], args.join(' ')).toEqual([1, '']);
    expect(stderr).toMatch(told);
  }
});
