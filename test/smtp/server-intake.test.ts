/** The intake alone: what it keeps, what it refuses, and that nothing stays behind. */
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../src/runtime/clock.ts';
import { Intake, type IntakeContext, type Submission } from '../../src/submission/intake.ts';
import * as refuse from '../../src/submission/rejections.ts';
import { CHUNK_SIZE } from '../../src/submission/spool.ts';
import { intakeContext, LIMITS, NOON, RecordingQueue, withoutTrace } from './server/harness.ts';

const SUBMISSION: Submission = {
  envelope: { sender: 'a@x.example', recipients: [{ address: 'b@x.example' }], smtputf8: false },
  origin: 'smtp',
  from: { name: 'client.example.com', address: '127.0.0.1', protocol: 'ESMTP' },
};
const HEADER = 'Date: d\r\nMessage-ID: <1@x>\r\nSubject: s\r\n\r\n';
const MINUTE = 60_000;

function begin(
  changes: Partial<IntakeContext> = {},
  submission = SUBMISSION,
): { intake: Intake; queue: RecordingQueue } {
  const queue = new RecordingQueue();
  return { intake: new Intake(intakeContext(queue, changes), submission), queue };
}

/** Lines of 1000 octets. */
function body(octets: number): Buffer {
  return Buffer.alloc(octets, `${'x'.repeat(998)}\r\n`);
}

describe('a small message', () => {
  test('is kept in memory, with all that lists show', async () => {
    const { intake, queue } = begin();
    expect(intake.write(Buffer.from(`${HEADER}body\r\n`))).toBeUndefined();
    expect(await intake.finish()).toEqual({ id: intake.id, duplicate: false });
    expect(queue.kept).toHaveLength(1);
    const { draft, content } = queue.kept[0] ?? { draft: undefined, content: Buffer.alloc(0) };
    expect(draft).toMatchObject({
      id: intake.id,
      messageId: '<1@x>',
      subject: 's',
      eightBit: false,
      origin: 'smtp',
      size: content.length,
    });
    expect(draft?.envelope).toBe(SUBMISSION.envelope);
    expect(withoutTrace(content).toString()).toBe(`${HEADER}body\r\n`);
  });

  test('says when it has octets above 127', async () => {
    const { intake, queue } = begin();
    await intake.write(Buffer.from(`${HEADER}Grüße\r\n`));
    await intake.finish();
    expect(queue.kept[0]?.draft.eightBit).toBe(true);
  });

  test('gets a Date and a Message-ID of ours where it has none', async () => {
    const { intake, queue } = begin();
    await intake.write(Buffer.from('Hello.\r\n'));
    await intake.finish();
    const messageId = `<${intake.id}@mx.example.org>`;
    expect(withoutTrace(queue.kept[0]?.content as Buffer).toString()).toBe(
      `Date: Sun, 22 Nov 2026 12:00:00 +0000\r\nMessage-ID: ${messageId}\r\n\r\nHello.\r\n`,
    );
    expect(queue.kept[0]?.draft.messageId).toBe(messageId);
  });

  test('names its recipient in the Received field only when it is the only one', async () => {
    const recipients = [{ address: 'b@x.example' }, { address: 'c@x.example' }];
    const one = begin();
    const two = begin({}, { ...SUBMISSION, envelope: { ...SUBMISSION.envelope, recipients } });
    for (const { intake } of [one, two]) await intake.finish();
    expect(one.queue.kept[0]?.content.toString()).toContain('\tfor <b@x.example>;');
    expect(two.queue.kept[0]?.content.toString()).not.toContain('b@x.example');
  });

  test('carries what else the way in knows', async () => {
    const { intake, queue } = begin({}, { ...SUBMISSION, details: { priority: 'high', key: 'k' } });
    await intake.finish();
    expect(queue.kept[0]?.draft).toMatchObject({ priority: 'high', key: 'k' });
  });
});

describe('a large message', () => {
  test.each([CHUNK_SIZE, 3 * CHUNK_SIZE, 1_000_000])(
    'of %d octets is staged in full chunks and comes out whole',
    async (octets) => {
      const { intake, queue } = begin();
      const sizes: number[] = [];
      queue.beforeStage = () => void sizes.push(queue.staged.get(intake.id)?.at(-1)?.length ?? 0);
      const content = Buffer.concat([Buffer.from(HEADER), body(octets), Buffer.from('\r\n')]);
      for (let at = 0; at < content.length; at += 65_536) await intake.write(content.subarray(at, at + 65_536));
      expect(await intake.finish()).toMatchObject({ id: intake.id });
      const kept = queue.kept[0];
      expect(withoutTrace(kept?.content as Buffer).equals(content)).toBe(true);
      expect(kept?.draft.content).toEqual({ stagedChunks: Math.ceil((kept?.content.length ?? 0) / CHUNK_SIZE) });
      expect(sizes.slice(1).every((size) => size === CHUNK_SIZE)).toBe(true);
      expect(queue.staged.size).toBe(0);
    },
  );

  test('waits for the store', async () => {
    const { intake, queue } = begin();
    let go: () => void = () => undefined;
    queue.beforeStage = () => new Promise((resolve) => (go = resolve));
    expect(intake.write(body(CHUNK_SIZE / 2))).toBeUndefined();
    const waiting = intake.write(body(CHUNK_SIZE));
    expect(waiting).toBeInstanceOf(Promise);
    go();
    await waiting;
  });

  test('that is aborted leaves nothing staged, also when a chunk is on its way', async () => {
    const { intake, queue } = begin();
    let go: () => void = () => undefined;
    queue.beforeStage = (sequence) => (sequence === 0 ? undefined : new Promise((resolve) => (go = resolve)));
    await intake.write(body(CHUNK_SIZE + 10_000));
    expect(queue.staged.size).toBe(1);
    const writing = intake.write(body(CHUNK_SIZE));
    const aborting = intake.abort();
    go();
    await Promise.all([writing, aborting]);
    expect(queue.staged.size).toBe(0);
    expect(queue.kept).toEqual([]);
  });
});

describe('a message is refused', () => {
  const tiny = { ...LIMITS, maxMessageSize: 1_000_000, maxHeaderSize: 500, maxHops: 3 };

  test.each([
    ['that is too large', [HEADER, body(1_000_000)], refuse.messageTooLarge(1_000_000)],
    ['whose header is too large', [`X: ${'y'.repeat(500)}\r\n`, '\r\n'], refuse.headerTooLarge(500)],
    ['whose header never ends', ['X: ', ...Array.from({ length: 1000 }, () => 'y')], refuse.headerTooLarge(500)],
    [
      'that came through too many hops',
      ['Received: a\r\nReceived: b\r\n c\r\nreceived: d\r\n\r\n'],
      refuse.TOO_MANY_HOPS,
    ],
    ['with a bare LF', [HEADER, 'a\nb\r\n'], refuse.BARE_LF],
    ['with a bare CR', [HEADER, 'a\r', 'b\r\n'], refuse.BARE_CR],
    ['that ends in a CR', [HEADER, 'a\r'], refuse.BARE_CR],
    ['with a NUL', [HEADER, 'a\0b\r\n'], refuse.NUL_OCTET],
  ])('%s, and leaves nothing', async (_, pieces, rejection) => {
    const { intake, queue } = begin({ limits: tiny });
    for (const piece of pieces) await intake.write(Buffer.from(piece as string));
    expect(await intake.finish()).toEqual(rejection);
    expect(queue.kept).toEqual([]);
    expect(queue.staged.size).toBe(0);
  });

  test('not when it came through one hop less, or has a long body', async () => {
    const { intake } = begin({ limits: tiny });
    await intake.write(Buffer.from('Received: a\r\nReceived: b\r\n\r\nReceived: c\r\n'));
    await intake.write(body(900_000));
    expect(await intake.finish()).toMatchObject({ duplicate: false });
  });

  test('when the store fails to stage, and what follows is dropped', async () => {
    const { intake, queue } = begin();
    queue.beforeStage = (sequence) => {
      if (sequence === 1) throw new Error('disk full');
    };
    for (let i = 0; i < 4; i++) await intake.write(body(CHUNK_SIZE));
    expect(await intake.finish()).toBe(refuse.STORE_FAILED);
    expect(queue.staged.size).toBe(0);
  });

  test('when the store fails to submit', async () => {
    const { intake, queue } = begin();
    queue.beforeSubmit = () => Promise.reject(new Error('disk full'));
    await intake.write(body(CHUNK_SIZE * 2));
    expect(await intake.finish()).toBe(refuse.STORE_FAILED);
    expect(queue.staged.size).toBe(0);
  });
});

describe('acceptance that takes more than five minutes', () => {
  test('in staging its last chunk is given up', async () => {
    const clock = new ManualClock(NOON);
    const { intake, queue } = begin({ clock });
    await intake.write(body(CHUNK_SIZE + 1000));
    queue.beforeStage = () => clock.moveTo(clock.now() + 5 * MINUTE + 1);
    expect(await intake.finish()).toBe(refuse.TOOK_TOO_LONG);
    expect(queue.kept).toEqual([]);
    expect(queue.staged.size).toBe(0);
  });

  test('in the commit is taken back, for the client will send again', async () => {
    const clock = new ManualClock(NOON);
    const { intake, queue } = begin({ clock });
    queue.beforeSubmit = () => clock.moveTo(clock.now() + 5 * MINUTE + 1);
    expect(await intake.finish()).toBe(refuse.TOOK_TOO_LONG);
    expect(queue.cancelled).toEqual([intake.id]);
  });

  test('stands where a worker has it already', async () => {
    const clock = new ManualClock(NOON);
    const { intake, queue } = begin({ clock });
    queue.beforeSubmit = () => clock.moveTo(clock.now() + 5 * MINUTE + 1);
    queue.cancel = async () => 0;
    expect(await intake.finish()).toMatchObject({ id: intake.id });
  });
});
