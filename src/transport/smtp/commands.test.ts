import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Envelope, Recipient } from '../../mail/envelope.ts';
import { preflight } from './commands.ts';
import { Flow } from './flow.ts';

const ALL = new Map([
  ['PIPELINING', []],
  ['SIZE', []],
  ['8BITMIME', []],
  ['SMTPUTF8', []],
  ['DSN', []],
]);
const content = { size: 1000, eightBit: true };

function written(envelope: Envelope, extensions: ReadonlyMap<string, readonly string[]> = ALL): string[] {
  return new Flow({ envelope, content }, extensions, true).commands.map(({ text }) => text);
}

/** Whatever stands in the database, pieces of commands above all. */
const text = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '\r\n',
        '\r',
        '\n',
        '\0',
        ' ',
        '>',
        '<',
        '"',
        '\\',
        '@',
        ';',
        '=',
        '+2B',
        ',',
        '\u0085',
        'ü',
        '\u{1F600}',
      ),
      fc.constantFrom(
        'a@x.example',
        'rfc822;',
        'utf-8;',
        'never',
        'success',
        'full',
        'hdrs',
        'RCPT TO:<e@x.example>',
        'DATA',
      ),
      fc.string({ unit: 'binary', maxLength: 5 }),
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''));
const maybe = <T>(good: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof(fc.constantFrom(...good), text as fc.Arbitrary<unknown> as fc.Arbitrary<T>);
const recipient = fc.record(
  {
    address: maybe(['b@x.example', '"a > b"@x.example', 'jürgen@bücher.example']),
    notify: fc.array(maybe(['never', 'success', 'failure', 'delay']), { maxLength: 4 }),
    originalRecipient: maybe(['rfc822;b+2B@x.example', 'utf-8;jürgen@x.example']),
  },
  { requiredKeys: ['address'] },
) as fc.Arbitrary<Recipient>;
const envelope = fc.record(
  {
    sender: fc.option(maybe(['a@x.example'])),
    recipients: fc.array(recipient, { minLength: 1, maxLength: 4 }),
    ret: maybe(['full', 'hdrs'] as const),
    envelopeId: maybe(['QQ+2B']),
    smtputf8: fc.boolean(),
  },
  { requiredKeys: ['sender', 'recipients', 'smtputf8'] },
) as fc.Arbitrary<Envelope>;

const PATH = '<(?:"(?:[^"\\\\\\p{Cc}]|\\\\[^\\p{Cc}])*")?[^ <>\\p{Cc}]*>';
const VALUE = '[^ \\p{Cc}]+';
const NOTIFY = '(?:NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY))*)';
const COMMAND = new RegExp(
  `^(?:MAIL FROM:${PATH} SIZE=1000 BODY=8BITMIME(?: SMTPUTF8)?(?: RET=(?:FULL|HDRS))?(?: ENVID=${VALUE})?|` +
    `RCPT TO:${PATH}(?: NOTIFY=${NOTIFY})?(?: ORCPT=${VALUE})?|DATA)\r\n$`,
  'u',
);

test('whatever an envelope holds, each command is one line of words that are known, and each recipient is asked about or refused for good', () => {
  fc.assert(
    fc.property(envelope, (given) => {
      const commands = written(given);
      for (const command of commands) expect(command).toMatch(COMMAND);
      const refused = preflight({ envelope: given, content }, ALL);
      for (const outcome of refused) if (outcome !== undefined) expect(outcome.kind).toBe('refused');
      const asked = commands.filter((command) => command.startsWith('RCPT')).length;
      expect(asked).toBe(refused.filter((outcome) => outcome === undefined).length);
    }),
    { numRuns: 2_000 },
  );
});

describe('a parameter that another program wrote amiss', () => {
  const good: Envelope = { sender: 'a@x.example', recipients: [{ address: 'b@x.example' }], smtputf8: false };
  const ofRecipient = (wishes: object): Envelope => ({ ...good, recipients: [{ address: 'b@x.example', ...wishes }] });
  const amiss: Readonly<Record<string, Envelope>> = {
    RET: { ...good, ret: 'x' as 'full' },
    ENVID: { ...good, envelopeId: 'a b' },
    NOTIFY: ofRecipient({ notify: ['never', 'success'] }),
    ORCPT: ofRecipient({ originalRecipient: 'rfc822;a\r\nDATA' }),
  };

  test.each(Object.entries(amiss))('%s is refused for good where it would be written', (name, envelope) => {
    const [outcome] = preflight({ envelope, content }, ALL);
    expect(outcome).toMatchObject({ kind: 'refused', reply: { code: 501, status: '5.5.4', ours: true } });
    expect(outcome?.reply.text).toContain(name);
    expect(written(envelope)).toEqual([]);
  });

  test.each(Object.entries(amiss))('%s harms nothing where the relay has no DSN', (_, envelope) => {
    const commands = written(envelope, new Map([['8BITMIME', []]]));
    expect(commands).toEqual(['MAIL FROM:<a@x.example> BODY=8BITMIME\r\n', 'RCPT TO:<b@x.example>\r\n', 'DATA\r\n']);
  });
});
