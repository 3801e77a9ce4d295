import { describe, expect, test } from 'vitest';
import type { Envelope } from '../mail/envelope.ts';
import { compileRoutes, type Route, type RouteFacts, routedHeaders } from './route.ts';

interface Mail extends RouteFacts {
  readonly from?: string | null;
  readonly to?: string;
}

function relayFor(
  routes: readonly Route[],
  { from = 'ann@example.com', to = 'bob@example.org', ...facts }: Mail,
): string {
  const envelope: Envelope = { sender: from, recipients: [{ address: to }], smtputf8: false };
  return compileRoutes(routes, 'standard')(to, envelope, facts);
}

describe('routes', () => {
  test('without one that fits, the default relay takes it', () => {
    expect(relayFor([], {})).toBe('standard');
    expect(relayFor([{ sender: '@other.example', relay: 'x' }], {})).toBe('standard');
  });

  test.each(['@bücher.example', 'bob@bücher.example', '@*.example', '@XN--BCHER-kva.example'])(
    'for %s fit an international domain in both spellings',
    (pattern) => {
      for (const to of ['bob@bücher.example', 'bob@xn--bcher-kva.example']) {
        expect(relayFor([{ recipient: pattern, relay: 'x' }], { to })).toBe('x');
        expect(relayFor([{ sender: pattern, relay: 'x' }], { from: to })).toBe('x');
      }
      expect(relayFor([{ recipient: '@*.bücher.example', relay: 'x' }], { to: 'a@b.xn--bcher-kva.example' })).toBe('x');
    },
  );

  test('the first that fits decides', () => {
    const routes = [
      { sender: '@example.com', relay: 'one' },
      { recipient: '@example.org', relay: 'two' },
    ];
    expect(relayFor(routes, {})).toBe('one');
    expect(relayFor(routes.toReversed(), {})).toBe('two');
  });

  test('all conditions of a route must hold', () => {
    const routes = [{ sender: 'ann@example.com', tag: 'otp', header: 'x-relay', value: 'fast', relay: 'fast' }];
    const headers = new Map([['x-relay', ' FAST ']]);
    expect(relayFor(routes, { tags: ['otp'], headers })).toBe('fast');
    expect(relayFor(routes, { headers })).toBe('standard');
    expect(relayFor(routes, { tags: ['otp'] })).toBe('standard');
    expect(relayFor(routes, { tags: ['otp'], headers, from: 'cy@example.com' })).toBe('standard');
  });

  test.each<[string, string | null, boolean]>([
    ['Ann@Example.COM', 'ann@example.com', true],
    ['@EXAMPLE.com', 'ann@example.com', true],
    ['@example.com', 'ann@sub.example.com', false],
    ['@*.example.com', 'ann@sub.example.com', true],
    ['@*.example.com', 'ann@a.b.example.com', true],
    ['@*.example.com', 'ann@example.com', false],
    ['@*.example.com', 'ann@notexample.com', false],
    ['@example.com', null, false],
    ['<>', null, true],
    ['<>', 'ann@example.com', false],
  ])('the sender %s and mail from %s', (sender, from, fits) => {
    expect(relayFor([{ sender, relay: 'x' }], { from })).toBe(fits ? 'x' : 'standard');
  });

  test('a header without a value need only be there', () => {
    const routes = [{ header: 'X-Relay', relay: 'x' }];
    expect(relayFor(routes, { headers: new Map([['x-relay', '']]) })).toBe('x');
    expect(relayFor(routes, {})).toBe('standard');
  });

  test('ways in learn which headers matter', () => {
    expect(
      routedHeaders([
        { header: 'X-A', relay: 'x' },
        { tag: 't', relay: 'x' },
        { header: 'x-a', value: '1', relay: 'y' },
      ]),
    ).toEqual(['x-a']);
  });
});
