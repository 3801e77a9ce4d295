import { expect, test } from 'vitest';
import type { Log } from '../runtime/log.ts';
import { Trouble } from './trouble.ts';

function open(): { trouble: Trouble; told: string[] } {
  const told: string[] = [];
  const tell = (_: unknown, event: string): void => {
    told.push(event);
  };
  const log: Log = { debug: () => undefined, info: tell, warn: tell, error: tell };
  return { trouble: new Trouble(log, { begun: 'begun', over: 'over' }), told };
}

test('the same words are told once, of whatever they are said, and the end when nothing fails', () => {
  const { trouble, told } = open();
  trouble.went('a', {});
  for (const what of ['a', 'b', 'a', 'b']) trouble.failed(what, new Error('full'), {});
  trouble.went('a', {});
  expect(told).toEqual(['begun']);
  trouble.went('b', {});
  trouble.went('b', {});
  expect(told).toEqual(['begun', 'over']);
  trouble.failed('a', new Error('full'), {});
  expect(told).toEqual(['begun', 'over', 'begun']);
});

test('other words are another failure', () => {
  const { trouble, told } = open();
  trouble.failed('a', new Error('full'), {});
  trouble.failed('a', new Error('broken'), {});
  expect(told).toEqual(['begun', 'begun']);
});

test('what goes while something else fails ends nothing', () => {
  const { trouble, told } = open();
  trouble.failed('work', new Error('full'), {});
  trouble.went('claim', {});
  trouble.failed('work', new Error('full'), {});
  expect(told).toEqual(['begun']);
});
