import { describe, expect, test } from 'vitest';
import { parseSendmailLine } from './sendmail-options.ts';

const PLAIN = { mode: 'message', recipients: [], fromHeader: false, dotEnds: true, verbose: false };

describe('a command line', () => {
  test.each([
    ['a@b.c d@e.f', { recipients: ['a@b.c', 'd@e.f'] }],
    ['-t', { fromHeader: true }],
    ['-ti', { fromHeader: true, dotEnds: false }],
    ['-t -oi', { fromHeader: true, dotEnds: false }],
    ['-o i x', { dotEnds: false, recipients: ['x'] }],
    ['-fa@b.c x', { sender: 'a@b.c', recipients: ['x'] }],
    ['-f a@b.c x', { sender: 'a@b.c', recipients: ['x'] }],
    ['-ra@b.c x', { sender: 'a@b.c', recipients: ['x'] }],
    ['-tfa@b.c', { fromHeader: true, sender: 'a@b.c' }],
    ['-i -FCronDaemon -B8BITMIME -oem root', { dotEnds: false, fullName: 'CronDaemon', recipients: ['root'] }],
    ['-oem -om -o7 -o8 -odb -Am -Ac -h 3 -L tag -m -n -U -G -O Timeout=1 -p SMTP:h x', { recipients: ['x'] }],
    ['-N never -R hdrs -V id x', { notify: ['never'], ret: 'hdrs', envelopeId: 'id', recipients: ['x'] }],
    ['-N SUCCESS,Delay -RFULL x', { notify: ['success', 'delay'], ret: 'full', recipients: ['x'] }],
    ['-v -bm x', { verbose: true, recipients: ['x'] }],
    ['-bs', { mode: 'smtp' }],
    ['-b p', { mode: 'queue' }],
    ['-bi', { mode: 'nothing' }],
    ['-q', { mode: 'nothing' }],
    ['-q30m', { mode: 'nothing' }],
    ['-qRexample.com x', { mode: 'nothing', recipients: ['x'] }],
    ['-d0.1 x', { recipients: ['x'] }],
    ['-t -- -fake@b.c', { fromHeader: true, recipients: ['-fake@b.c'] }],
    ['a@b.c -t', { recipients: ['a@b.c', '-t'] }],
    ['-', { recipients: ['-'] }],
  ])('%j', (line, expected) => {
    expect(parseSendmailLine(line.split(' '))).toEqual({ ...PLAIN, ...expected });
  });

  test('may have an empty value, which is the null sender', () => {
    expect(parseSendmailLine(['-f', '', 'x'])).toEqual({ ...PLAIN, sender: '', recipients: ['x'] });
  });
});

describe('a command line that is wrong says what', () => {
  test.each([
    ['-f', '-f needs a value'],
    ['-Z', 'there is no option -Z'],
    ['-tZ', 'there is no option -Z'],
    ['--version', 'there is no option --'],
    ['-N sometimes', '-N must be'],
    ['-N never,delay', '-N must be'],
    ['-R some', '-R must be'],
    ['-B 9BIT', '-B must be'],
    [`-V ${'x'.repeat(101)}`, '-V must have'],
    ['-bd', '-bd is not for posthaste: posthaste serve is the server'],
    ['-bt', '-bt is not for posthaste'],
    ['-X /tmp/log', '-X is not for posthaste'],
    ['-C/tmp/cf', '-C is not for posthaste'],
  ])('%j', (line, words) => {
    expect(() => parseSendmailLine(line.split(' '))).toThrow(
      expect.objectContaining({ exitCode: 64, message: expect.stringContaining(words) }),
    );
  });
});
