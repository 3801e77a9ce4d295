import { expect, test } from 'vitest';
import { encodeReply, printable, replyFromLines, showReply } from './reply.ts';

test('the enhanced status is taken out of the lines', () => {
  expect(replyFromLines(550, ['5.1.1 no such', '5.1.1 user'])).toEqual({
    code: 550,
    status: '5.1.1',
    text: 'no such\nuser',
  });
});

test('a status of another class is text', () => {
  expect(replyFromLines(250, ['5.1.1 odd'])).toEqual({ code: 250, text: '5.1.1 odd' });
});

test('a reply of several lines is encoded with hyphens up to the last', () => {
  expect(encodeReply({ code: 250, text: 'a\nb' })).toBe('250-a\r\n250 b\r\n');
  expect(encodeReply({ code: 451, status: '4.3.0', text: 'later' })).toBe('451 4.3.0 later\r\n');
});

test('what a remote said is shown in one line that steers no terminal', () => {
  expect(showReply({ code: 550, text: 'a\r\n\u001b[31mred\u202e' })).toBe('550 a\\u000d\\n\\u001b[31mred\\u202e');
  expect(printable('plain ünïcode 😀')).toBe('plain ünïcode 😀');
});
