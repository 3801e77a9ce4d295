import { describe, expect, test } from 'vitest';
import { delivery, MINUTE, NOW, node, relay } from '../../test/support/situation.ts';
import { type Delivery, MOVES, type State } from './delivery.ts';
import type { Node, RelayState } from './relay-store.ts';
import { suppressionReply } from './suppression.ts';
import { type RelayPlan, roleOf, whyWaiting } from './why.ts';

function why(
  changes: Partial<Delivery>,
  state: Partial<RelayState> | undefined = undefined,
  nodes: readonly Node[] = [node],
  plan?: RelayPlan,
): string {
  return whyWaiting({ ...delivery, ...changes }, state && { ...relay, ...state }, nodes, NOW, plan);
}

const SUPPRESSION = {
  target: 'bob@example.com',
  reason: 'hard bounce',
  since: NOW - 5 * MINUTE,
  until: null,
  note: null,
};

const greylisted = { code: 450, status: '4.2.0', text: 'come\nagain' };

describe('a queued delivery', () => {
  test('is due', () => expect(why({})).toBe('It is due and waits for its turn.'));
  test('was asked for later', () =>
    expect(why({ dueAt: NOW + 2 * MINUTE })).toBe('It is to be sent in 2m, not before.'));
  test('waits for its next attempt', () =>
    expect(why({ dueAt: NOW + 2 * MINUTE, attempts: 1, lastReply: greylisted })).toBe(
      'The last attempt did not succeed (450 4.2.0 come\\nagain); the next one is due in 2m.',
    ));
  test('waits on demand', () =>
    expect(why({ priority: 'deferred' })).toBe('Its priority is deferred: it waits until somebody retries it.'));
  test('waits for a paused relay', () =>
    expect(why({}, { pausedAt: NOW - 5 * MINUTE, pausedBy: 'ann@box', faults: 3 })).toBe(
      'The relay default was paused by ann@box 5m ago, until somebody resumes it.',
    ));
  test('waits for a relay with faults', () =>
    expect(
      why(
        {},
        {
          faults: 2,
          faultSince: NOW - MINUTE,
          probeAt: NOW + 5_000,
          lastFault: { code: 421, status: '4.4.1', text: 'no answer' },
        },
      ),
    ).toBe('The relay default has failed for 1m (421 4.4.1 no answer); it is tried again in 5s.'));
  test('waits for a relay that is being probed', () =>
    expect(why({}, { faults: 2, faultSince: NOW - MINUTE, probeAt: NOW - 1 })).toBe(
      'The relay default has failed for 1m; it is being tried again.',
    ));
  test('waits for a worker that was never there', () =>
    expect(why({}, undefined, [])).toBe('No worker has been seen: start posthaste serve or posthaste work.'));
  test('waits for a worker that is gone', () =>
    expect(why({}, {}, [{ ...node, seenAt: NOW - 7 * MINUTE }])).toBe(
      'No worker has been seen for 7m: start posthaste serve or posthaste work.',
    ));
  test('is in doubt beside all else', () =>
    expect(why({ inDoubt: true, attempts: 1, dueAt: NOW + MINUTE })).toBe(
      'It is in doubt: an attempt ended before the relay answered, so it may have arrived. The last attempt did not succeed; the next one is due in 1m.',
    ));
});

describe('any other delivery', () => {
  const changedAt = NOW - 3 * MINUTE;

  test.each<[Partial<Delivery>, string]>([
    [{ state: 'held', reason: 'operator' }, 'An operator held it 3m ago, until somebody releases it.'],
    [
      { state: 'held', reason: 'doubt' },
      'It was held 3m ago because it is in doubt: it may have arrived; release sends it again.',
    ],
    [
      { state: 'held', reason: 'error', lastReply: { code: 451, text: 'oops' } },
      'It was held 3m ago because of an error (451 oops).',
    ],
    [{ state: 'sending' }, 'An attempt has been under way for 3m.'],
    [{ state: 'sent', lastReply: { code: 250, text: 'ok' } }, 'The relay took it 3m ago (250 ok).'],
    [{ state: 'captured' }, 'It was captured 3m ago: no relay was set, so it stays here.'],
    [{ state: 'cancelled' }, 'An operator cancelled it 3m ago.'],
    [
      { state: 'bounced', reason: 'refused', lastReply: { code: 550, text: 'no' } },
      'It was given up 3m ago because it was refused (550 no).',
    ],
    [{ state: 'bounced', reason: 'expired' }, 'It was given up 3m ago because its time was over.'],
    [{ state: 'bounced', reason: 'suppressed' }, 'It was given up 3m ago because its recipient is suppressed.'],
    [
      { state: 'bounced', reason: 'suppressed', lastReply: suppressionReply(SUPPRESSION) },
      'It was given up 3m ago, never sent: its recipient is suppressed since 2027-01-15 07:55 UTC: hard bounce.',
    ],
    [
      {
        state: 'bounced',
        reason: 'suppressed',
        lastReply: suppressionReply({ ...SUPPRESSION, target: '@gone.example', until: NOW, note: 'by\nann' }),
      },
      'It was given up 3m ago, never sent: its recipient is suppressed with all of @gone.example since 2027-01-15 07:55 UTC, until 2027-01-15 08:00 UTC: hard bounce (by\\nann).',
    ],
    [
      { state: 'bounced', reason: 'suppressed', lastReply: greylisted },
      'It was given up 3m ago because its recipient is suppressed (450 4.2.0 come\\nagain).',
    ],
  ])('%o', (changes, sentence) => expect(why({ changedAt, ...changes })).toBe(sentence));

  test('every state has a sentence without control characters', () => {
    for (const state of Object.keys(MOVES) as State[]) {
      expect(why({ state, lastReply: { code: 550, text: 'a\x1b[31m\nb' } })).toMatch(/^[^\p{Cc}]+\.$/u);
    }
  });
});

describe('what the settings say of the relay', () => {
  const plan: RelayPlan = { known: true, fallback: ['backup'], failoverAfter: 5 * MINUTE };
  const failing = (minutes: number): Partial<RelayState> => ({ faults: 3, faultSince: NOW - minutes * MINUTE });

  test('they tell of relays, and not of this one', () => {
    expect(why({ relay: 'old' }, undefined, [node], { ...plan, known: false })).toBe(
      'The settings tell of no relay old: set it, or let posthaste reroute choose another one.',
    );
  });

  test('a fallback sends its mail, now or soon, but never mail in doubt', () => {
    const faulty = 'The relay default has failed for';
    expect(why({}, failing(2), [node], plan)).toBe(
      `${faulty} 2m; it is being tried again. backup sends it in 3m if that lasts.`,
    );
    expect(why({}, failing(7), [node], plan)).toBe(
      `${faulty} 7m; it is being tried again. backup may send it instead.`,
    );
    expect(why({ inDoubt: true }, failing(7), [node], plan)).toContain(
      'Because it is in doubt, backup must not send it.',
    );
    expect(why({}, failing(7), [node], { ...plan, fallback: [] })).toBe(`${faulty} 7m; it is being tried again.`);
  });

  test('a rate that is used up lets it wait', () => {
    expect(why({}, { limitedUntil: NOW + 12_000 })).toBe(
      'The relay default gets no more before its rate allows it in 12s.',
    );
    expect(why({}, { limitedUntil: NOW })).toBe('It is due and waits for its turn.');
  });

  describe('a relay that said that it was too much', () => {
    const reply = { code: 451, status: '4.7.1', text: 'rate\nlimit' };
    const slow = { connections: 3, rests: 0, restUntil: null, slowedAt: NOW - MINUTE, changedAt: NOW, reply };
    const said = 'The relay default said that it was too much 1m ago (451 4.7.1 rate\\nlimit)';

    test('gets a rest', () => {
      const pace = { ...slow, restUntil: NOW + 12_000 };
      expect(why({}, { pace })).toBe(`${said}: it gets a rest, and more mail in 12s.`);
      expect(why({ dueAt: NOW + 2 * MINUTE }, { pace })).toBe('It is to be sent in 2m, not before.');
    });

    test('gets fewer connections', () => {
      expect(why({}, { pace: { ...slow, restUntil: NOW - 1 } })).toBe(
        `It is due and waits for its turn. ${said}, so its connections are no more than 3 until mail has succeeded for a while.`,
      );
      expect(why({ dueAt: NOW + 2 * MINUTE }, { pace: slow })).toBe('It is to be sent in 2m, not before.');
    });
  });

  test('nobody who runs has a relay set', () => {
    const relayless = { ...node, role: roleOf('serve', true) };
    expect(why({}, undefined, [relayless])).toBe(
      'It waits for its relay, and posthaste runs without one: start it with the relay set.',
    );
    expect(why({}, undefined, [relayless, node])).toBe('It is due and waits for its turn.');
  });
});

test('what test systems hold', () => {
  expect(why({ state: 'held', reason: 'not-allowed' })).toBe(
    'It was held 10m ago because its recipient is not among those that the setting allow names; release sends it.',
  );
  expect(why({ state: 'held', reason: 'hold-all' })).toMatch(/because the setting holdAll holds all mail/);
});
