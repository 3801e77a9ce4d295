/** Contents that are not kept: gone when all has ended, while reports still had them, and nothing else forgotten. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type MailQueue, openQueue, type QueueSettings } from '../../src/index.ts';
import { type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import { temporaryFolder } from '../support/posthaste.ts';
import { Kept } from './kept.ts';

const mail = { from: 'ann@example.com', to: 'bob@example.org', subject: 'Your code', text: 'secret 123456\n' };

let folder: ReturnType<typeof temporaryFolder>;
let relay: ScriptedRelay;
let queue: MailQueue;
let kept: Kept;

const open = (settings: QueueSettings = {}): Promise<MailQueue> =>
  openQueue({ dataDir: folder.path, relay: `smtp://127.0.0.1:${relay.port}`, ...settings });

beforeEach(async () => {
  folder = temporaryFolder();
  relay = await startRelay();
  queue = await open({ keepContent: false });
  kept = await Kept.open(folder.path);
});

afterEach(async () => {
  await queue.close();
  await kept.close();
  await relay.close();
  folder[Symbol.dispose]();
});

/** The janitor tidies up when somebody begins to work, and every 10 seconds; who works once waits for it. */
async function janitor(): Promise<void> {
  await using other = await open();
  await other.workOnce();
}

test('the content goes when the message was sent; who it was for and what about stays', async () => {
  const { id } = await queue.submit(mail);
  expect((await kept.content(id)).toString()).toContain('123456');
  await queue.work();
  await queue.waitFor(id);
  await janitor();
  expect(await kept.content(id)).toHaveLength(0);
  expect(await queue.get(id)).toMatchObject({
    contentKept: false,
    message: { subject: 'Your code', sender: 'ann@example.com', keepContent: false },
    deliveries: [{ recipient: 'bob@example.org', state: 'sent' }],
    attempts: [{ outcome: 'sent' }],
  });
  const found = await Array.fromAsync(queue.find({ subject: 'code' }));
  expect(found).toMatchObject([{ recipient: 'bob@example.org', subject: 'Your code' }]);
});

test('a message may keep its content, or not, whatever the setting says', async () => {
  const { id } = await queue.submit(mail, { keepContent: true });
  await using keeping = await open();
  const { id: other } = await keeping.submit(mail, { keepContent: false });
  await queue.work();
  await Promise.all([queue.waitFor(id), queue.waitFor(other)]);
  await janitor();
  expect((await queue.get(id))?.contentKept).toBe(true);
  expect((await queue.get(other))?.contentKept).toBe(false);
});

test('a report has the content that goes, and what bounced without it is not tried again', async () => {
  relay.script = { rcpt: (command) => (command.includes('<bob@') ? '550 5.1.1 no such user' : { kind: 'usual' }) };
  const { id } = await queue.submit(mail);
  await queue.work();
  await relay.until(() => relay.received.length === 1);
  expect(relay.received[0]?.content.toString()).toContain('secret 123456');
  await janitor();
  expect(await queue.retry(id)).toBe(0);
  expect(await queue.get(id)).toMatchObject({ contentKept: false, deliveries: [{ state: 'bounced' }] });
});
