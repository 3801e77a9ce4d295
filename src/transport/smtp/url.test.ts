import { describe, expect, test } from 'vitest';
import { PosthasteError } from '../../errors.ts';
import { settle } from './settings.ts';
import { maskRelayUrl, parseRelayUrl } from './url.ts';

describe("a relay's URL", () => {
  test.each([
    ['smtp://mail.example.com', { host: 'mail.example.com', port: 25, implicitTls: false }],
    ['smtp://mail.example.com:2525/', { host: 'mail.example.com', port: 2525, implicitTls: false }],
    [
      'smtp://u:p@mail.example.com',
      { host: 'mail.example.com', port: 587, implicitTls: false, credentials: { user: 'u', password: 'p' } },
    ],
    [
      'smtps://u:p@mail.example.com',
      { host: 'mail.example.com', port: 465, implicitTls: true, credentials: { user: 'u', password: 'p' } },
    ],
    [
      'smtp://me%40example.com:a%3Ab%2F%23%25@h',
      { host: 'h', port: 587, implicitTls: false, credentials: { user: 'me@example.com', password: 'a:b/#%' } },
    ],
    ['smtp://bücher.example', { host: 'xn--bcher-kva.example', port: 25, implicitTls: false }],
    ['smtp://192.0.2.1', { host: '192.0.2.1', port: 25, implicitTls: false }],
    ['smtp://[::1]:25', { host: '::1', port: 25, implicitTls: false }],
    [
      'smtp://h?tls=required&name=me.example&servername=x.example',
      { host: 'h', port: 25, implicitTls: false, tls: 'required', name: 'me.example', servername: 'x.example' },
    ],
    [
      'smtp://h?connections=5&messages=10&recipients=1',
      { host: 'h', port: 25, implicitTls: false, maxConnections: 5, maxMessages: 10, maxRecipients: 1 },
    ],
  ])('%s', (text, options) => {
    expect(parseRelayUrl(text)).toEqual(options);
  });

  test.each([
    ['mail.example.com:25', /is no URL/],
    ['http://mail.example.com', /only smtp:\/\/ and smtps:\/\//],
    ['smtp://', /cannot be read|names no host/],
    ['smtp://u:secret@', /cannot be read|names no host/],
    ['smtp://u:sec/ret@h', /%2F/],
    ['smtp://u:sec#ret@h', /%23/],
    ['smtp://u:secret%@h', /%25/],
    ['smtp://u@h', /no password/],
    ['smtp://:secret@h', /no user/],
    ['smtp://h:99999', /has port 99999: give one from 1 to 65535/],
    ['smtp://u:secret@h:65536?tls=none', /has port 65536/],
    ['smtp://u:secret@h:0', /port 0/],
    ['smtp://u:secret@h/path', /path/],
    ['smtp://h?tls=maybe', /none, opportunistic, required, verified/],
    ['smtp://h?name=a%0d%0aRSET', /allowed is a host name/],
    ['smtp://h?colour=red', /unknown parameter "colour"/],
    ['smtp://h?__proto__=red', /unknown parameter/],
    ['smtp://h?connections=0', /whole number from 1/],
    ['smtps://h?tls=none', /contradict/],
    ['smtps://h?tls=opportunistic', /smtps:\/\/ and tls=opportunistic, which contradict/],
  ])('%s is refused in words that help', (text, words) => {
    const error = catchError(() => parseRelayUrl(text));
    expect(error).toBeInstanceOf(PosthasteError);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringMatching(words) });
    expect(String(error)).not.toMatch(/sec.?ret/);
  });

  test.each([
    ['smtp://u:secret@h:587', 'smtp://u:***@h:587'],
    ['smtp://u:se@cret@h:587', 'smtp://u:***@h:587'],
    ['smtp://h:587', 'smtp://h:587'],
    ['u:secret@h', 'u:***@h'],
    ['smtp://u:sec/ret@h?tls=none', 'smtp://u:***@h?tls=none'],
  ])('%s is shown as %s', (text, shown) => {
    expect(maskRelayUrl(text)).toBe(shown);
  });

  test.each([
    ['smtp://h', 'opportunistic'],
    ['smtp://u:p@h', 'verified'],
    ['smtps://h', 'verified'],
    ['smtps://localhost', 'verified'],
    ['smtp://u:p@127.0.0.1', 'opportunistic'],
    ['smtp://u:p@h?tls=none', 'none'],
  ])('%s is secured as %s', (text, level) => {
    expect(settle(parseRelayUrl(text)).tls).toBe(level);
  });
});

function catchError(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
