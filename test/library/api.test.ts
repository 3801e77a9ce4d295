/** The reference of the library: current, and with a sentence for each export and each method. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { documentApi, documented } from '../../scripts/api.ts';

test('docs/api.md is what the declarations say (npm run docs writes it)', () => {
  expect(readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8')).toBe(documentApi());
});

test('every export has a docstring', () => {
  expect(
    documented()
      .filter(({ words }) => words === '')
      .map(({ name }) => name),
  ).toEqual([]);
});

test('every method of a class has a docstring', () => {
  const bare = documented()
    .filter(({ code }) => code.startsWith('class '))
    .flatMap(({ name, code }) => {
      const lines = code.split('\n');
      const methods = lines.flatMap((line, i) => {
        const method = /^ {2}(?:get |override )?(\w+)\(/.exec(line)?.[1];
        return method !== undefined && !/\*\/$/.test(lines[i - 1] ?? '') ? [`${name}.${method}`] : [];
      });
      return methods.filter((method) => !method.endsWith('.constructor'));
    });
  expect(bare).toEqual([]);
});
