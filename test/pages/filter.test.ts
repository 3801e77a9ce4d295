import { describe, expect, test } from 'vitest';
import {
  actionFilterOf,
  filterOfUrl,
  filterOfWords,
  timeOfCursor,
  urlOfFilter,
  wordsOfFilter,
} from '../../pages/messages/filter.ts';

describe('a filter', () => {
  test('goes into the address and comes back', () => {
    const filter = { state: 'bounced,held', recipient: '@example.org', text: 'two words' };
    expect(filterOfUrl(urlOfFilter(filter).replace('/messages', ''))).toEqual(filter);
    expect(filterOfUrl('?state=&unknown=1')).toEqual({});
    expect(urlOfFilter({})).toBe('/messages');
  });

  test('is written in words', () => {
    const filter = filterOfWords('to:bob@example.org subject:"your order" 4711 time:12 FROM:<>', {
      state: 'held',
      tag: 'old',
    });
    expect(filter).toEqual({
      state: 'held',
      recipient: 'bob@example.org',
      sender: '<>',
      subject: 'your order',
      text: '4711 time:12',
    });
    expect(filterOfWords(wordsOfFilter(filter), { state: 'held' })).toEqual(filter);
    expect(filterOfWords('', filter)).toEqual({ state: 'held' });
  });

  test('is a body for actions, in which the order says nothing', () => {
    expect(actionFilterOf({ state: 'held,queued', order: 'oldest' })).toEqual({ state: ['held', 'queued'] });
  });

  test('knows from a cursor how far it has come', () => {
    expect(timeOfCursor('0190b6e4-93c2-7c1a-8d2e-5b1f0c9a7e11:1')).toBe(0x0190b6e493c2);
  });
});
