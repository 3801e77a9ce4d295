import { describe, expect, test } from 'vitest';
import type { Outcome, Scope } from '../mail/outcome.ts';
import { faster, isResting, type Pace, type Slowing, slower, strainOf } from './pace.ts';

const NOW = 1_800_000_000_000;
const SECOND = 1_000;
const reply = { code: 421, status: '4.7.0', text: 'too many connections' };

const slow = (pace: Pace | null, part: Partial<Slowing> = {}): Pace | null =>
  slower(pace, { reply, rest: false, limit: 20, used: 20, now: NOW, ...part });

describe('a relay that says that it is too much', () => {
  test('gets half of the connections that were in use', () => {
    expect(slow(null)).toEqual({
      ...{ connections: 10, rests: 0, restUntil: null },
      ...{ slowedAt: NOW, changedAt: NOW, reply },
    });
    expect(slow(null, { used: 7 })?.connections).toBe(3);
    expect(slow(slow(null), { now: NOW + 20 * SECOND })?.connections).toBe(5);
  });

  test('and says it many times at once, is heard once', () => {
    const pace = slow(null);
    expect(slow(pace, { now: NOW + 14 * SECOND })).toBe(pace);
  });

  test('keeps its one connection, and no pace is noted for a limit of one', () => {
    expect(slow(null, { used: 0 })?.connections).toBe(1);
    expect(slow(null, { limit: 1 })).toBe(null);
  });

  test('rests where that was asked for, and longer each time that one connection was too much', () => {
    const rests: number[] = [];
    let pace: Pace | null = null;
    for (let now = NOW, used = 2; rests.length < 8; now = pace?.restUntil ?? now, used = 1) {
      pace = slow(pace, { rest: true, used, now });
      rests.push(((pace?.restUntil ?? now) - now) / SECOND);
    }
    expect(rests).toEqual([15, 30, 60, 120, 240, 240, 240, 240]);
  });

  test('is not slowed down more while it rests', () => {
    const pace = slow(slow(null, { rest: true, used: 1 }), { rest: true, used: 1, now: NOW + 30 * SECOND });
    expect(slow(pace, { rest: true, used: 1, now: NOW + 60 * SECOND })).toBe(pace);
  });
});

describe('mail that succeeds', () => {
  test('brings a tenth of the limit back every 30 s, and then the limit', () => {
    const steps: (number | undefined)[] = [];
    let pace = slow(null, { used: 14 });
    for (let now = NOW; pace !== null; now += 15 * SECOND) {
      steps.push(pace.connections);
      pace = faster(pace, 20, now);
    }
    expect(steps).toEqual([7, 7, 7, 9, 9, 11, 11, 13, 13, 15, 15, 17, 17, 19, 19].slice(0, steps.length));
    expect(steps.at(-1)).toBe(19);
  });

  test('first makes the next rest shorter', () => {
    const pace = slow(null, { rest: true, used: 1 }) as Pace;
    expect(pace.rests).toBe(1);
    const wait = (pace.restUntil as number) + 30 * SECOND;
    expect(faster(pace, 20, wait - 1)).toBe(pace);
    expect(faster(pace, 20, wait)).toMatchObject({ rests: 0, connections: 1, changedAt: wait, slowedAt: NOW });
  });

  test('ends the pace of a relay whose limit was lowered', () => {
    expect(faster(slow(null) as Pace, 5, NOW + 30 * SECOND)).toBe(null);
  });
});

test('what was noted before the clock was set back neither rests nor keeps a pace', () => {
  const now = NOW - 86_400_000;
  const pace = slow(null, { rest: true, used: 1 }) as Pace;
  expect([isResting(pace, NOW), isResting(pace, now)]).toEqual([true, false]);
  expect(slow(pace, { rest: true, used: 1, now })).toMatchObject({ rests: 2, slowedAt: now });
  expect(faster(pace, 20, now)).toMatchObject({ rests: 0, changedAt: now });
});

describe('what counts as too much', () => {
  const deferred = (scope: Scope, code: number, status: string | undefined, text: string): Outcome => {
    const said = status === undefined ? { code, text } : { code, status, text };
    return { kind: 'deferred', scope, reply: said, inDoubt: false };
  };
  const halves = 'halves';
  const rests = 'rests';
  const nothing = 'nothing';

  test.each([
    [halves, deferred('relay', 421, '4.7.0', 'too many connections from your address')],
    [halves, deferred('relay', 421, undefined, 'bye')],
    [halves, deferred('relay', 454, undefined, 'Throttling failure: Maximum sending rate exceeded.')],
    [halves, deferred('recipient', 450, '4.7.1', 'too many recipients from your address')],
    [rests, deferred('message', 451, '4.7.1', 'rate limit exceeded')],
    [rests, deferred('message', 450, '4.7.28', 'unusual')],
    [rests, deferred('message', 451, undefined, 'too many messages, slow down')],
    [nothing, deferred('relay', 421, '4.4.2', 'timeout exceeded')],
    [nothing, deferred('relay', 421, '4.3.2', 'shutting down')],
    [nothing, deferred('relay', 451, '4.4.1', 'connect to relay refused')],
    [nothing, deferred('relay', 451, '4.7.5', 'TLS failed')],
    [nothing, deferred('relay', 454, '4.7.0', 'Temporary authentication failure')],
    [nothing, deferred('message', 450, '4.7.1', 'greylisted, come back')],
    [nothing, deferred('message', 451, '4.7.1', 'come back')],
    [nothing, deferred('message', 452, '4.3.1', 'quota')],
    [nothing, deferred('recipient', 452, '4.2.2', 'mailbox over quota limit')],
    [nothing, deferred('message', 550, '5.7.1', 'rate limit')],
    [nothing, { ...deferred('relay', 421, '4.7.0', 'too many'), login: 'ann@example.org' } as Outcome],
    [nothing, { ...deferred('message', 451, '4.7.0', 'rate'), inDoubt: true } as Outcome],
    [nothing, { kind: 'refused', scope: 'message', reply } as Outcome],
    [nothing, { kind: 'sent', reply } as Outcome],
  ] as const)('%s: %o', (expected, outcome) => {
    const sent: Outcome = { kind: 'sent', reply: { code: 250, text: 'ok' } };
    const strain = strainOf([sent, outcome], true);
    expect(strain === undefined ? nothing : strain.rest ? rests : halves).toBe(expected);
  });

  test('a relay that had faults already says nothing new by a further 421', () => {
    expect(strainOf([deferred('relay', 421, '4.7.0', 'too many connections')], false)).toBe(undefined);
  });
});
