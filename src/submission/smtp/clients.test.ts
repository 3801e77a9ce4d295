import { describe, expect, test } from 'vitest';
import { bindingFault, plainAddress, trustedClients } from './clients.ts';

describe('trusted', () => {
  const isTrusted = trustedClients(['10.1.0.0/16', '192.0.2.7', '2001:db8::/32']);

  test.each(['127.0.0.1', '127.8.9.10', '::1', '10.1.2.3', '192.0.2.7', '2001:db8::5'])('%s is', (address) => {
    expect(isTrusted(address)).toBe(true);
  });

  test.each(['10.2.0.1', '192.0.2.8', '2001:db9::1', '172.17.0.1', '', 'localhost'])('%j is not', (address) => {
    expect(isTrusted(address)).toBe(false);
  });

  test('without a list only loopback is', () => {
    expect(trustedClients([])('10.0.0.1')).toBe(false);
    expect(trustedClients([])('127.0.0.1')).toBe(true);
  });
});

test.each(['nonsense', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/x', '10.0.0.0/8/8', ''])(
  'the list entry %j is refused',
  (entry) => {
    expect(() => trustedClients([entry])).toThrow(/is no address and no network/);
  },
);

test('an IPv4 client on an IPv6 socket is seen as IPv4', () => {
  expect(plainAddress('::ffff:127.0.0.1')).toBe('127.0.0.1');
  expect(plainAddress('::1')).toBe('::1');
});

describe('a listener', () => {
  const on = (...hosts: string[]) => hosts.map((host) => ({ host, port: 25 }));

  test('on loopback needs no guard', () => {
    expect(bindingFault(on('127.0.0.1', '::1', 'localhost', '127.3.2.1'), false, false, [])).toBeUndefined();
  });

  test.each(['0.0.0.0', '::', '192.168.0.1', '10.0.0.1', '172.17.0.2', 'mx.example.org', ''])(
    'on %j needs one',
    (host) => {
      expect(bindingFault(on('127.0.0.1', host), false, false, [])).toMatch(
        /can be reached from other machines: configure users and a certificate/,
      );
      expect(bindingFault(on(host), true, false, [])).toMatch(
        /configure a certificate, so that passwords travel encrypted/,
      );
      expect(bindingFault(on(host), false, true, [])).toMatch(/configure users and a certificate/);
    },
  );

  test('that others reach is fine with logins over TLS, or with a list of clients', () => {
    expect(bindingFault(on('0.0.0.0'), true, true, [])).toBeUndefined();
    expect(bindingFault(on('0.0.0.0'), false, false, ['10.0.0.0/8'])).toBeUndefined();
  });

  test.each(['0.0.0.0/0', '::/0'])('that trusts %s would be an open relay', (everybody) => {
    expect(bindingFault(on('0.0.0.0'), true, true, ['10.0.0.0/8', everybody])).toMatch(/is everybody/);
  });
});
