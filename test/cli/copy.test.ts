import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { Terminal } from '../../src/cli/terminal.ts';
import { openStore } from '../../src/store/open.ts';
import { fillMixed } from '../support/mixed-queue.ts';
import { BIN, started } from '../support/posthaste.ts';
import { isThere, POSTGRES, TestDatabase } from '../support/servers.ts';
import { Folder, perform } from './command.ts';

/** Fills the queue of the folder, and answers with its URL. */
async function filled(folder: Folder, count: number): Promise<string> {
  mkdirSync(join(folder.path, 'posthaste'), { recursive: true });
  const url = `sqlite:${join(folder.path, 'posthaste', 'posthaste.db')}`;
  const store = await openStore(url);
  await fillMixed(store, count).finally(() => store.close());
  return url;
}

/** Keeps lines that replace each other, as a terminal shows them. */
class Screen extends Terminal {
  readonly shown: string[] = [];
  override progress(text: string): void {
    this.shown.push(text);
  }
  override async write(): Promise<void> {}
}

test('copy says what it copied, and what to do with the two queues', async () => {
  using folder = new Folder();
  const from = await filled(folder, 100);
  const to = `sqlite:${folder.path}/new.db`;
  const dry = await folder.out('copy', '--to', to, '--dry-run');
  expect(dry).toMatch(
    /^would copy 102 messages, 136 deliveries \(.*7 sending.*\), \d+ attempts, 2 suppressions, \d relays?$/,
  );
  const [first, ...rest] = (await folder.out('copy', '--to', to)).split('\n');
  expect(first).toBe(dry.replace('would copy', 'copied and verified'));
  expect(rest[0]).toBe('7 deliveries were being sent by a process that is gone: queued, the attempt counted');
  expect(rest[1]).toMatch(/^sha256 [0-9a-f]{64}$/);
  expect(rest[2]).toBe(
    `Now start posthaste with --database ${to}. ${from} still has the same mail: whoever starts on it sends that again.`,
  );
  const again = await folder.run(['copy', '--from', from, '--to', to]);
  expect(again).toMatchObject({ code: 1, stderr: expect.stringMatching(/^posthaste: .*new\.db is in use/) });
});

test('copy takes the URL from a file, and answers programs in JSON', async () => {
  using folder = new Folder();
  const from = await filled(folder, 10);
  writeFileSync(`${folder.path}/secret`, `sqlite:${folder.path}/new.db\n`);
  const json = JSON.parse(await folder.out('copy', '--from', from, '--to-file', `${folder.path}/secret`, '--json'));
  expect(json).toMatchObject({
    command: 'copy',
    dryRun: false,
    messages: 12,
    resumed: 0,
    repaired: 0,
    suppressions: 2,
  });
});

test.each([
  [[], 64, /--to URL or --to-file PATH/],
  [['--to', 'sqlite:a', '--to-file', 'b'], 64, /--to URL or --to-file PATH/],
  [['--to-file', '/nowhere/at/all'], 1, /cannot be read/],
  [['--to', 'oracle://h/d', '--from', 'sqlite:a'], 1, /There is no queue/],
  [['--to', 'oracle://h/d'], 78, /No store for databases of the kind oracle:/],
])('copy %j ends with %i', async (args, code, words) => {
  using folder = new Folder();
  await filled(folder, 1);
  expect(await folder.run(['copy', ...args])).toMatchObject({ code, stderr: expect.stringMatching(words) });
});

test('a terminal shows how far the copy and its verification are', async () => {
  using folder = new Folder();
  await filled(folder, 398);
  const screen = new Screen();
  await perform(screen, folder, 'copy', '--to', `sqlite:${folder.path}/new.db`);
  const bars = screen.shown.map((line) => line.replace(/, [^,]* left$/, ''));
  expect(bars).toContain('copy [############            ] 50 %, 200 of 400 messages');
  expect(bars).toContain('copy [########################] 100 %, 400 of 400 messages');
  expect(bars).toContain('verify [########################] 100 %, 400 of 400 messages');
  expect(bars.at(-1)).toBe('');
});

describe.skipIf(!(await isThere(POSTGRES)))('to PostgreSQL', () => {
  test('20,000 messages arrive once each, also when copies are killed with -9 on the way', async () => {
    using folder = new Folder();
    const from = await filled(folder, 19_998);
    const database = await TestDatabase.make(POSTGRES);
    const client = new pg.Client(database.url);
    await client.connect();
    const count = async (table: string): Promise<number> => {
      const { rows } = await client.query('SELECT to_regclass($1) IS NOT NULL AS there', [`posthaste_${table}`]);
      if (!rows[0].there) return 0;
      return Number((await client.query(`SELECT COUNT(*) AS n FROM posthaste_${table}`)).rows[0].n);
    };
    try {
      const flags = ['copy', '--from', from, '--to', database.url];
      for (const least of [1, 6_000]) {
        const killed = started([BIN, ...flags], { dataDir: folder.path });
        while ((await count('messages')) < least);
        killed.signal('SIGKILL');
        expect(await killed.ended()).toBe('SIGKILL');
      }
      const resumed = await count('messages');
      expect(resumed).toBeGreaterThanOrEqual(6_000);
      expect(resumed).toBeLessThan(20_000);
      const report = JSON.parse(await folder.out(...flags, '--json'));
      expect(report).toMatchObject({ messages: 20_000, resumed, repaired: 0, reclaimed: 7 });
      expect(await count('messages')).toBe(20_000);
      expect(await count('contents')).toBe(10);
      expect(await count('attempts')).toBe(report.attempts + 7);
      const { queued, sending, ...others } = report.states;
      const { rows } = await client.query('SELECT state, COUNT(*) AS n FROM posthaste_deliveries GROUP BY state');
      const states = Object.fromEntries(rows.map(({ state, n }) => [state, Number(n)]));
      expect(states).toEqual({ ...others, queued: queued + sending });
    } finally {
      await client.end();
      await database.drop();
    }
  });
});
