/** SMTP smuggling (CVE-2023-51764, -51765, -51766): what some servers take for the end of a content ends none here, and goes nowhere as received. */
import { describe, expect, test } from 'vitest';
import type { BareLf } from '../../src/submission/line-ends.ts';
import { CoreHost, intakeContext, RecordingQueue, SESSION, withoutTrace } from './server/harness.ts';

const SEQUENCES = {
  'LF . LF': '\n.\n',
  'LF . CR': '\n.\r',
  'CR . LF': '\r.\n',
  'CR . CR': '\r.\r',
  'LF . CRLF': '\n.\r\n',
  'CR . CRLF': '\r.\r\n',
  'CRLF . LF': '\r\n.\n',
  'CRLF . CR': '\r\n.\r',
  'CRLF NUL . CRLF': '\r\n\0.\r\n',
  'CRLF . NUL CRLF': '\r\n.\0\r\n',
  'CRLF . CR CRLF': '\r\n.\r\r\n',
  'CR CRLF . CR CRLF': '\r\r\n.\r\r\n',
} as const;

const names = Object.keys(SEQUENCES) as (keyof typeof SEQUENCES)[];

const HEADER = 'Date: d\r\nMessage-ID: <1@x>\r\n\r\n';
const SMUGGLED = 'MAIL FROM:<evil@x.example>\r\nRCPT TO:<c@x.example>\r\nDATA\r\nsmuggled\r\n.\r\n';

interface Result {
  readonly replies: string;
  readonly contents: readonly string[];
}

async function submit(bareLf: BareLf, commands: string, content: string): Promise<Result> {
  const queue = new RecordingQueue();
  const host = new CoreHost(intakeContext(queue, { bareLf }), {
    ...SESSION,
    lf: bareLf === 'normalise' ? 'line' : 'octet',
  });
  await host.run();
  await host.send('HELO c\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\n');
  host.replies = '';
  await host.send(commands + content);
  return { replies: host.replies, contents: queue.kept.map((kept) => withoutTrace(kept.content).toString('latin1')) };
}

/** Through DATA: the sequence stands in the middle, the true end behind it. */
function byData(bareLf: BareLf, sequence: string): Promise<Result> {
  return submit(bareLf, 'DATA\r\n', `${HEADER}text${sequence}${SMUGGLED}`);
}

function byBdat(bareLf: BareLf, sequence: string): Promise<Result> {
  const content = `${HEADER}text${sequence}rest\r\n`;
  return submit(bareLf, `BDAT ${content.length} LAST\r\n`, content);
}

const REFUSED = /^(354 [^\r]*\r\n)?550 5\.6\.11 [^\r]*\r\n/;

describe('by default', () => {
  test.each(names)('%s in DATA ends nothing, and the message is refused at its true end', async (name) => {
    const { replies, contents } = await byData('refuse', SEQUENCES[name]);
    expect(replies).toMatch(REFUSED);
    expect(replies.trim().split('\r\n')).toHaveLength(2);
    expect(contents).toEqual([]);
  });

  test.each(names)('%s in BDAT is refused', async (name) => {
    const { replies, contents } = await byBdat('refuse', SEQUENCES[name]);
    expect(replies).toMatch(REFUSED);
    expect(contents).toEqual([]);
  });
});

describe('where bare LF is made CRLF', () => {
  test.each(names)('%s in DATA ends nothing', async (name) => {
    const { replies, contents } = await byData('normalise', SEQUENCES[name]);
    expect(replies.trim().split('\r\n')).toHaveLength(2);
    for (const content of contents) expect(content).toContain('MAIL FROM:<evil@x.example>');
  });

  test.each(names)('%s is not kept as it was received', async (name) => {
    for (const { contents } of [
      await byData('normalise', SEQUENCES[name]),
      await byBdat('normalise', SEQUENCES[name]),
    ]) {
      for (const content of contents) {
        expect(content).not.toContain(`text${SEQUENCES[name]}`);
        expect(content).not.toMatch(/(?<!\r)\n|\r(?!\n)|\0/);
      }
    }
  });

  test.each(['CR . LF', 'CR . CR', 'LF . CR', 'CR . CRLF', 'CRLF . CR', 'CRLF NUL . CRLF', 'CRLF . NUL CRLF'] as const)(
    '%s is refused all the same',
    async (name) => {
      expect((await byData('normalise', SEQUENCES[name])).replies).toMatch(REFUSED);
    },
  );

  test('the dot of LF . LF stays a line of the content, to be stuffed on the way out', async () => {
    const { contents } = await byData('normalise', '\n.\n');
    expect(contents).toEqual([
      `${HEADER}text\r\n.\r\nMAIL FROM:<evil@x.example>\r\nRCPT TO:<c@x.example>\r\nDATA\r\nsmuggled\r\n`,
    ]);
  });
});

describe('where bare LF is made CRLF, a stuffed dot behind one', () => {
  test.each([
    ['goes', '\n..a\n.b\r\n..c\n', '\r\n.a\r\nb\r\n.c\r\n'],
    ['goes from a line of two dots', '\n..\n', '\r\n.\r\n'],
    ['stays where it is alone, for that ends nothing', '\n.\n\n.\r\n', '\r\n.\r\n\r\n.\r\n'],
  ])('%s', async (_, sent, kept) => {
    const { contents } = await submit('normalise', 'DATA\r\n', `${HEADER}text${sent}end\r\n.\r\n`);
    expect(contents).toEqual([`${HEADER}text${kept}end\r\n`]);
  });
});

test('a CR at the very end of a BDAT content is refused', async () => {
  const content = `${HEADER}text\r`;
  const { replies } = await submit('refuse', `BDAT ${content.length} LAST\r\n`, content);
  expect(replies).toMatch(REFUSED);
});

test('a CR and its LF in two BDAT chunks are one line end', async () => {
  const { replies, contents } = await submit(
    'refuse',
    `BDAT ${HEADER.length + 5}\r\n${HEADER}text\r`,
    'BDAT 1 LAST\r\n\n',
  );
  expect(replies).toMatch(/^250 .*\r\n250 /);
  expect(contents).toEqual([`${HEADER}text\r\n`]);
});
