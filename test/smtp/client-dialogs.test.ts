/** The client core against dialogues kept as files: what the relay says, what we write, and what comes of it. */
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lines, play } from './client/dialog.ts';

const folder = new URL('./client/', import.meta.url);
const dialogs = readdirSync(folder).filter((name) => name.endsWith('.dialog'));

describe.each(dialogs)('%s', (name) => {
  const file = readFileSync(new URL(name, folder), 'utf8');

  test('goes as written', () => {
    expect(play(file).join('\n')).toBe(file.trimEnd());
  });

  test('goes the same however the bytes of the relay are split', () => {
    const ours = (transcript: readonly string[]): string[] => transcript.filter((line) => /^[C=]/.test(line));
    const whole = ours(lines(file));
    expect(ours(play(file, () => 1))).toEqual(whole);
    fc.assert(
      fc.property(fc.infiniteStream(fc.integer({ min: 1, max: 40 })), (sizes) => {
        expect(ours(play(file, () => sizes.next().value as number))).toEqual(whole);
      }),
      { numRuns: 50 },
    );
  });
});
