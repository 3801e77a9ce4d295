/** Writes the reference of the library, `docs/api.md`, from the declarations that tsc wrote into dist/: what an editor shows, on one page. */
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';

const DIST = new URL('../dist/', import.meta.url);

const INTRODUCTION = `# The library: reference

<!-- Written by \`npm run docs\` from the sources; a test fails when it is out of date. -->

[The queue in a Node.js application](library.md) shows how it is used, [Tests of an application](testing.md) how it is tested. Times are milliseconds since 1970
(\`Instant\`) unless a name says otherwise; ids are UUIDv7 as text (\`Id\`); addresses are texts without angle brackets (\`Address\`). Every error of the
library is a \`PosthasteError\` with a \`code\`.
`;

const ENTRIES = [
  { name: 'posthaste', file: 'index.d.ts' },
  { name: 'posthaste/testing', file: 'testing/index.d.ts' },
] as const;

export interface Declared {
  readonly name: string;
  /** The docstring as prose; empty where there is none. */
  readonly words: string;
  /** Without `export` and `declare`, members with their docstrings. */
  readonly code: string;
}

export function documentApi(): string {
  const sections = ENTRIES.map(({ name, file }) => {
    const parts = exportsOf(file).map((declared) => {
      const words = declared.words === '' ? '' : `${declared.words}\n\n`;
      return `\n### ${declared.name}\n\n${words}\`\`\`ts\n${declared.code}\n\`\`\`\n`;
    });
    return `\n## ${name}\n${parts.join('')}`;
  });
  return INTRODUCTION + sections.join('');
}

export function documented(): readonly Declared[] {
  return ENTRIES.flatMap(({ file }) => exportsOf(file));
}

/** By name, functions and classes first: what people look for. */
function exportsOf(file: string): Declared[] {
  const own = statementsOf(file).filter(({ code }) => /^export declare (function|const|class)/.test(code));
  const passedOn = passedOnBy(file).map(({ from, name }) => find(from, name));
  return [...own.map(declared), ...passedOn].toSorted((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
}

/** What a file exports that stands in another one. */
function passedOnBy(file: string): { readonly from: string; readonly name: string }[] {
  return statementsOf(file).flatMap(({ code }) => {
    const match = /^export (?:type )?\{([^}]*)\} from '([^']+)';$/.exec(code.replace(/\s+/g, ' '));
    if (match === null) return [];
    const from = posix.join(posix.dirname(file), (match[2] as string).replace(/\.ts$/, '.d.ts'));
    const names = (match[1] as string).split(',').map((name) => name.trim().replace(/^type /, ''));
    return names.filter((name) => name !== '').map((name) => ({ from, name }));
  });
}

function rank({ code }: Declared): number {
  return /^(function|class|const)/.test(code) ? 0 : 1;
}

function find(file: string, name: string): Declared {
  const statement = statementsOf(file).find(({ code }) => nameOf(code) === name);
  if (statement !== undefined) return declared(statement);
  const further = passedOnBy(file).find((each) => each.name === name);
  if (further === undefined) throw new Error(`dist/${file} declares no ${name}: npm run build`);
  return find(further.from, name);
}

interface Statement {
  readonly comment: string;
  readonly code: string;
}

/** tsc writes each statement from the first column on, its members indented, and its docstring right above it. */
function statementsOf(file: string): Statement[] {
  const lines = readFileSync(new URL(file, DIST), 'utf8').split('\n');
  const statements: Statement[] = [];
  let comment: string[] = [];
  let code: string[] = [];
  for (const line of lines) {
    const opens = code.length === 0;
    if (opens && (line.startsWith('/**') || (comment.length > 0 && line.startsWith(' *')))) {
      comment = line.startsWith('/**') ? [line] : [...comment, line];
      continue;
    }
    if (opens && (line.trim() === '' || line.startsWith('//'))) continue;
    code.push(line);
    if (!isWhole(code)) continue;
    statements.push({ comment: comment.join('\n'), code: code.join('\n') });
    [comment, code] = [[], []];
  }
  return statements;
}

function isWhole(code: readonly string[]): boolean {
  if (/^(?:export )?(?:declare )?(?:abstract )?(?:interface|class) /.test(code[0] ?? '')) return code.at(-1) === '}';
  const bare = code.filter((line) => !/^\s*(?:\/\*\*|\*)/.test(line)).join('\n');
  return bare.endsWith(';') && bare.split('{').length === bare.split('}').length;
}

function nameOf(code: string): string | undefined {
  return /^export (?:declare )?(?:abstract )?(?:function|class|const|interface|type) (\w+)/.exec(code)?.[1];
}

function declared({ comment, code }: Statement): Declared {
  const words = comment
    .replace(/^\/\*\*|\*\/$/g, '')
    .split('\n')
    .map((line) => line.replace(/^ *\* ?/, '').trim())
    .join('\n')
    .trim();
  const shown = code
    .replace(/^export (?:declare )?/, '')
    .split('\n')
    .filter((line) => line.trim() !== '#private;')
    .map((line) => line.replace(/^(?: {4})+/, (indent) => ' '.repeat(indent.length / 2)));
  return { name: nameOf(code) ?? '', words, code: shown.join('\n') };
}
