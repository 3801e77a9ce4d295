/** The listener on the real store: what is answered 250 is there, byte for byte. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { Queue } from '../../src/queue/queue.ts';
import { singleRelay } from '../../src/queue/route.ts';
import { defaultRetryPolicy } from '../../src/queue/schedule.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { openStore } from '../../src/store/open.ts';
import { SocketClient, startListener, withoutTrace } from './server/harness.ts';

const folder = mkdtempSync(join(tmpdir(), 'posthaste-listener-'));
afterAll(() => rmSync(folder, { recursive: true }));

const HEADER = 'Date: d\r\nMessage-ID: <1@x>\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n\r\n';
const ENVELOPE =
  'EHLO c\r\nMAIL FROM:<a@x.example> RET=HDRS ENVID=e1\r\nRCPT TO:<b@x.example> NOTIFY=FAILURE\r\nRCPT TO:<c@x.example>\r\nDATA\r\n';

test.each([1, 3_000])('a message of %d lines is in the store as it was sent, with what it asked for', async (lines) => {
  const store = await openStore(`sqlite:${join(folder, `${lines}.db`)}`, { log: silentLog });
  const queue = new Queue({
    store,
    clock: systemClock,
    log: silentLog,
    router: singleRelay,
    policy: defaultRetryPolicy,
  });
  const listener = await startListener(queue);
  const content = `${HEADER}${`.${'ü'.repeat(200)}\r\n`.repeat(lines)}`;
  const client = await SocketClient.connect(listener.port);
  client.write(`${ENVELOPE}${content.replaceAll('\r\n.', '\r\n..')}.\r\n`);
  const reply = await client.until(/^250 2\.0\.0 queued as/m);
  const id = /queued as (\S+)/.exec(reply)?.[1] as string;
  const found = await queue.get(id);
  expect(found?.message).toMatchObject({
    sender: 'a@x.example',
    messageId: '<1@x>',
    subject: 'Grüße',
    eightBit: true,
    ret: 'hdrs',
    envelopeId: 'e1',
    origin: 'smtp',
  });
  expect(found?.deliveries.map(({ recipient, notify, state }) => [recipient, notify, state])).toEqual([
    ['b@x.example', ['failure'], 'queued'],
    ['c@x.example', null, 'queued'],
  ]);
  const kept = Buffer.concat(await Array.fromAsync(queue.content(id)));
  expect(kept.length).toBe(found?.message.size);
  const digest = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');
  expect(digest(withoutTrace(kept))).toBe(digest(content));
  client.destroy();
  await listener.stop();
  await store.close();
});
