/** `posthaste purge` on what came to several ends, and beside itself. */
import { expect, test } from 'vitest';
import { openQueue } from '../../src/index.ts';
import { Folder, refuser } from './command.ts';

const ALL = { sent: 0, captured: 0, suppressed: 0, bounced: 0, cancelled: 0 };

/** One captured, one suppressed, one of both, one refused, and the report about it, which is refused too. */
async function fill(folder: Folder): Promise<void> {
  await folder.out('suppress', 'add', '@gone.example');
  await folder.send('bob@example.com');
  await folder.send('a@gone.example');
  await folder.send('bob@example.com', '--to', 'b@gone.example');
  await folder.out('work', '--once', '--log-level', 'error');
  await using relay = await refuser();
  await folder.send('nobody@example.com');
  await folder.out('work', '--once', '--relay', relay.url, '--log-level', 'error');
}

test('forgets by result, and what came to several ends with all', async () => {
  using folder = new Folder();
  await fill(folder);
  const purge = async (...args: string[]) => (await folder.json('purge', '--older-than', '0', ...args))[0]?.results;
  expect(await purge('--result', 'suppressed')).toEqual({ suppressed: 1 });
  expect(await purge('--result', 'bounced')).toEqual({ bounced: 2 });
  expect(await purge('--result', 'sent')).toEqual({ sent: 0 });
  expect(await folder.say('purge', '--older-than', '1h', '--result', 'all', '--quiet')).toBe('');
  expect(await folder.json('list', '--state', 'all')).toHaveLength(3);
  expect(await purge('--result', 'all')).toEqual({ ...ALL, captured: 1, mixed: 1 });
  expect(await folder.json('list', '--state', 'all')).toEqual([]);
});

test('without an age keeps a mixed message as long as the end that is kept longest', async () => {
  using folder = new Folder();
  await fill(folder);
  const flags = ['--retain-sent', '0', '--retain-captured', '0', '--retain-cancelled', '0'];
  expect((await folder.json('purge', ...flags))[0]?.results).toEqual({ ...ALL, captured: 1 });
  expect((await folder.json('purge', ...flags, '--retain-bounced', 'forever'))[0]?.count).toBe(0);
  const results = { ...ALL, suppressed: 1, bounced: 2, mixed: 1 };
  expect((await folder.json('purge', ...flags, '--retain-bounced', '0'))[0]?.results).toEqual(results);
});

test('runs that overlap purge each message once', async () => {
  using folder = new Folder();
  const queue = await openQueue({ dataDir: `${folder.path}/posthaste` });
  const mail = { from: 'ann@example.com', to: 'bob@example.com', text: 'x' };
  await Promise.all(Array.from({ length: 150 }, () => queue.submit(mail)));
  await queue.close();
  await folder.out('work', '--once', '--log-level', 'error');
  const runs = await Promise.all([1, 2, 3].map(() => folder.run(['purge', '--older-than', '0', '--json'])));
  expect(runs.map(({ code, stderr }) => [code, stderr])).toEqual(Array(3).fill([0, '']));
  expect(runs.reduce((sum, { stdout }) => sum + (JSON.parse(stdout) as { count: number }).count, 0)).toBe(150);
});
