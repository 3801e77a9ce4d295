/** Mail whose time is over, and a store that cannot write the end of one. */
import Sqlite from 'better-sqlite3';
import { expect, test } from 'vitest';
import type { Hooks } from '../../src/delivery/hooks.ts';
import type { Transport } from '../../src/transport/transport.ts';
import { Stage } from '../support/delivery.ts';
import { temporaryFolder } from '../support/posthaste.ts';

/** From now on the store cannot write what `when` says of deliveries to `broken@...`. */
function breakEnds(path: string, when: string): void {
  const database = new Sqlite(`${path}/posthaste.db`);
  database.exec(
    `CREATE TRIGGER broken BEFORE UPDATE ON posthaste_deliveries WHEN ${when} AND NEW.recipient LIKE 'broken%' ` +
      "BEGIN SELECT RAISE(ABORT, 'broken'); END",
  );
  database.close();
}

/** What the store cannot write of the one, and where that leaves it. */
test.each([
  ['as bounced', "NEW.state = 'bounced'", { state: 'held', reason: 'error', lastReply: { code: 451 } }],
  ['at all', "NEW.state <> 'sending'", { state: 'sending' }],
] as const)('one whose end cannot be written %s keeps no other back', async (_, when, left) => {
  using folder = temporaryFolder();
  await using stage = await Stage.open({ folder: folder.path });
  const expiresAt = stage.clock.now() + 60_000;
  const broken = await stage.submit({ recipients: ['broken@example.com'], expiresAt });
  const other = await stage.submit({ expiresAt: expiresAt + 1 });
  breakEnds(folder.path, when);
  stage.clock.moveTo(expiresAt + 2);
  await stage.janitor().round();
  expect((await stage.get(other)).deliveries[0]).toMatchObject({ state: 'bounced', reason: 'expired' });
  expect((await stage.get(broken)).deliveries[0]).toMatchObject(left);
});

test('what has expired is never sent, however late the janitor looks, and ends with its report', async () => {
  await using stage = await Stage.open();
  const expiresAt = stage.clock.now() + 60_000;
  const late = await stage.submit({ expiresAt });
  const other = await stage.submit();
  stage.clock.moveTo(expiresAt);
  await stage.once();
  expect((await stage.get(late)).deliveries[0]).toMatchObject({ state: 'queued', attempts: 0 });
  expect((await stage.get(other)).deliveries[0]).toMatchObject({ state: 'sent' });
  await stage.janitor().round();
  expect((await stage.get(late)).deliveries[0]).toMatchObject({ state: 'bounced', reason: 'expired' });
  expect(await stage.reports(late)).toHaveLength(1);
});

/** A hook that lets the first message wait until it is told to go on. */
function gate(): { readonly hooks: Hooks; readonly waits: Promise<void>; readonly open: () => void } {
  const [waiting, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const beforeSend = ({ subject }: { readonly subject: string | null }): Promise<void> | undefined => {
    if (subject !== 'first') return undefined;
    waiting.resolve();
    return opened.promise;
  };
  return { hooks: { beforeSend }, waits: waiting.promise, open: opened.resolve };
}

/** Takes everything, one message at a time. */
const oneByOne: Transport = {
  concurrency: 1,
  send: async ({ recipients }) => recipients.map(() => ({ kind: 'sent', reply: { code: 250, text: 'taken' } })),
  close: async () => undefined,
};

test('what expires between its claim and its attempt is given up with its report, and nothing is tried', async () => {
  const { hooks, waits, open } = gate();
  await using stage = await Stage.open({ hooks, transport: oneByOne });
  // Before the worker gives back what waits behind the first one.
  const expiresAt = stage.clock.now() + 4_000;
  await stage.submit({ subject: 'first' });
  const code = await stage.submit({ expiresAt });
  const news = await stage.submit();
  await stage.work();
  await waits;
  expect((await stage.get(code)).deliveries[0]).toMatchObject({ state: 'sending' });
  stage.clock.moveTo(expiresAt);
  open();
  await stage.log.until('bounced');
  const { deliveries, attempts } = await stage.get(code);
  expect(deliveries).toMatchObject([{ state: 'bounced', reason: 'expired', attempts: 0 }]);
  expect(attempts).toEqual([]);
  expect(await stage.reports(code)).toHaveLength(1);
  await stage.log.until('sent', 3);
  expect((await stage.get(news)).deliveries[0]).toMatchObject({ state: 'sent' });
});

test('what was sent beside one whose end cannot be written hears nothing of that', async () => {
  using folder = temporaryFolder();
  let asked = 0;
  const { promise: all, resolve } = Promise.withResolvers<void>();
  // Their attempts end in one turn, and so in one batch.
  const together: Transport = {
    concurrency: 4,
    send: async (...args) => {
      if (++asked === 4) resolve();
      await all;
      return oneByOne.send(...args);
    },
    close: async () => undefined,
  };
  await using stage = await Stage.open({ folder: folder.path, transport: together });
  breakEnds(folder.path, "NEW.state <> 'sending'");
  const ids = [];
  for (const name of ['a', 'broken', 'c', 'd']) ids.push(await stage.submit({ recipients: [`${name}@example.com`] }));
  await stage.once();
  const states = await Promise.all(ids.map(async (id) => (await stage.get(id)).deliveries[0]?.state));
  expect(states).toEqual(['sent', 'sending', 'sent', 'sent']);
  expect(stage.log.count('sent')).toBe(3);
  expect(stage.log.count('lease lost')).toBe(0);
  expect(stage.log.count('the end of an attempt could not be written')).toBe(1);
});
