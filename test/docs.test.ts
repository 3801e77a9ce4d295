/** Pages that repeat what the sources say, compared with the sources. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MOVES, STATES, type State } from '../src/queue/delivery.ts';

const ROOT = new URL('../', import.meta.url);

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}

/** The rows of the table below a heading, as texts of their cells. */
function tableBelow(page: string, heading: string): string[][] {
  const section = page.slice(page.indexOf(`${heading}\n`));
  const lines = section.split('\n').filter((line) => line.startsWith('|'));
  const rows = lines.slice(2, 2 + STATES.length);
  return rows.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function namesIn(cell: string): string[] {
  return Array.from(cell.matchAll(/`(\w+)`/g), (match) => match[1] ?? '');
}

describe('docs/states.md', () => {
  const page = read('docs/states.md');

  it('lists every state', () => {
    expect(tableBelow(page, '# States of a delivery').map(([state = '']) => namesIn(state)[0])).toEqual(STATES);
  });

  it('lists every move and no other', () => {
    const moves = tableBelow(page, '## Moves').map(([from = '', to = '']) => [namesIn(from)[0], namesIn(to)]);
    expect(Object.fromEntries(moves)).toEqual(MOVES);
  });

  it('draws every move and no other', () => {
    const drawn = Array.from(page.matchAll(/^ {4}(\w+) --> (\w+):/gm), ([, from, to]) => `${from} -> ${to}`);
    const allowed = STATES.flatMap((from: State) => MOVES[from].map((to) => `${from} -> ${to}`));
    expect(drawn.toSorted()).toEqual(allowed.toSorted());
  });
});

const PAGES = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'bench/README.md']
  .concat(readdirSync(new URL('docs', ROOT)).map((name) => `docs/${name}`))
  .concat(readdirSync(new URL('docs/decisions', ROOT)).map((name) => `docs/decisions/${name}`))
  .filter((path) => path.endsWith('.md'));

describe.each(PAGES)('%s', (path) => {
  it('links only to files that are there', () => {
    const links = Array.from(read(path).matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g), (match) => match[1] ?? '');
    const base = new URL(path, ROOT);
    expect(links.filter((link) => !existsSync(new URL(link, base)))).toEqual([]);
  });
});
