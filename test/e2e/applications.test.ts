/** Applications in processes of their own on one queue: keys hold between them, and events tell of all. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openQueue } from '../../src/index.ts';
import { run, temporaryFolder } from '../support/posthaste.ts';

const LIBRARY = new URL('../../dist/index.js', import.meta.url);

/** Submits one text under one key, many times at once, and tells what it heard; then captures what waits. */
const PROGRAM = `
  import { openQueue } from ${JSON.stringify(LIBRARY.href)};
  const queue = await openQueue();
  const text = process.argv[2];
  const mail = { from: 'ann@example.com', to: 'bob@example.org', subject: 'Order', text };
  const submit = () => queue.submit(mail, { key: 'order-7' }).then(({ id }) => id, (error) => error.code + ' ' + error.id);
  const heard = await Promise.all(Array.from({ length: 20 }, submit));
  console.log(JSON.stringify([...new Set(heard)]));
  await queue.work();
  await queue.waitFor(heard[0].split(' ').at(-1));
  await queue.close();`;

test('of four processes that use a key at once one text is kept, and a fifth is told what becomes of it', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'submit.mjs');
  writeFileSync(file, PROGRAM);
  await using queue = await openQueue({ dataDir: folder.path });
  const events = queue.events();
  const environment = { POSTHASTE_DATA_DIR: folder.path };
  const start = (text: string) => run(process.execPath, [file, text], { cwd: folder.path, environment });
  const running = Promise.all(['one', 'two', 'one', 'two'].map(start));
  const told: string[] = [];
  for await (const event of events) {
    if (event.type === 'relay') continue;
    told.push(`${event.type} ${event.delivery.id}`);
    if (event.type === 'captured') break;
  }
  const ran = await running;
  expect(ran.map(({ code, stderr }) => [code, stderr])).toEqual(ran.map(() => [0, '']));
  const heard = ran.map(({ stdout }) => JSON.parse(stdout) as string[]);
  const [row] = (await queue.page()).rows;
  const id = row?.id ?? '';
  expect(await queue.count()).toBe(1);
  const conflict = [`KEY_CONFLICT ${id}`];
  expect([
    [[id], conflict, [id], conflict],
    [conflict, [id], conflict, [id]],
  ]).toContainEqual(heard);
  expect(told).toEqual([`submitted ${id}`, `captured ${id}`]);
});
