import { describe, expect, test } from 'vitest';
import { PipeLines } from './pipe-lines.ts';

describe('lines of a program', () => {
  test.each([
    ['get CRLF', 'EHLO me\nDATA\na\r\n\n..\n.\nQUIT\n', 'EHLO me\r\nDATA\r\na\r\n\r\n..\r\n.\r\nQUIT\r\n'],
    [
      'stay as they are in a counted chunk',
      'BDAT 4\na\nb\nbdat 3 last\n\n\n\nNOOP\n',
      'BDAT 4\r\na\nb\nbdat 3 last\r\n\n\n\nNOOP\r\n',
    ],
    ['name no chunk inside of a content', 'DATA\nBDAT 4\na\nb\n.\nNOOP\n', 'DATA\r\nBDAT 4\r\na\r\nb\r\n.\r\nNOOP\r\n'],
    ['may be long', `${'x'.repeat(300)}\n`, `${'x'.repeat(300)}\r\n`],
    ['keep a CR alone', 'a\rb\nc', 'a\rb\r\nc'],
  ])('%s', (_, said, sent) => {
    expect(new PipeLines().push(Buffer.from(said)).toString()).toBe(sent);
    const lines = new PipeLines();
    expect([...said].map((octet) => lines.push(Buffer.from(octet)).toString()).join('')).toBe(sent);
  });
});
