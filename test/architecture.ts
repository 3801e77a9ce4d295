/** Reads who imports whom in a source tree and names every import that the floors of docs/architecture.md forbid. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

/** File to the files it imports, all as paths below src/ with `/`, tests left out. */
export type Graph = ReadonlyMap<string, readonly string[]>;

/** The rooms of the house from the top down. A room is a folder of src/ or a file directly in it. */
const FLOORS: readonly (readonly string[])[] = [
  ['index.ts', 'cli', 'testing'],
  ['app'],
  ['delivery'],
  ['submission', 'report', 'store', 'admin'],
  ['queue', 'transport', 'config'],
  ['mail', 'runtime', 'errors.ts'],
];

/** Narrower than the floors: these rooms import nothing of ours but what stands here (and themselves). */
const ONLY: Readonly<Record<string, readonly string[]>> = {
  mail: [],
  runtime: [],
  'errors.ts': [],
  queue: ['mail', 'runtime', 'errors.ts'],
  transport: ['mail', 'runtime', 'errors.ts'],
  config: ['mail', 'runtime', 'errors.ts'],
};

/** Rooms that only these may enter. */
const ENTERED_BY: Readonly<Record<string, readonly string[]>> = {
  store: ['app'],
  config: ['index.ts', 'app', 'cli'],
};

/** Names under which everything and nothing gathers. */
const NO_ROOM = /^(?:libs?|utils?|helpers?|types|common|shared|misc)$/;

/** `from '...'`, `import '...'`, `import('...')`, and `new URL('./x', import.meta.url)` for workers and assets. */
const IMPORTS = [
  /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
  /^\s*import\s*['"]([^'"]+)['"]/gm,
  /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g,
  /\bnew URL\(\s*['"]([^'"]+)['"]\s*,\s*import\.meta\.url\s*\)/g,
];

export function importsOf(source: string): string[] {
  return IMPORTS.flatMap((pattern) => Array.from(source.matchAll(pattern), (match) => match[1] ?? ''));
}

/** The graph of the `.ts` files below a folder. Imports of packages are no edges; `.js` names stand for the built `.ts`. */
export function readGraph(root: string): Graph {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'));
  const sources = names.filter((name) => /\.tsx?$/.test(name) && !/\.test\.tsx?$/.test(name));
  return new Map(sources.map((name) => [name, edgesOf(name, readFileSync(join(root, name), 'utf8'))]));
}

function edgesOf(name: string, source: string): string[] {
  const own = importsOf(source).filter((to) => to.startsWith('.'));
  return own.map((to) => posix.join(posix.dirname(name), to).replace(/\.js$/, '.ts'));
}

/** A file and all that it loads, however far away. */
export function loadedWith(graph: Graph, file: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const to of graph.get(file) ?? []) loadedWith(graph, to, seen);
  return seen;
}

function roomOf(file: string): string {
  return file.split('/')[0] ?? file;
}

function floorOf(room: string): number {
  const index = FLOORS.findIndex((rooms) => rooms.includes(room));
  return index < 0 ? Number.NaN : FLOORS.length - index;
}

/** Why this import must not be; undefined when it may. */
function importFault(from: string, to: string): string | undefined {
  const [room, other] = [roomOf(from), roomOf(to)];
  if (to.startsWith('..')) return 'leaves src/';
  if (room === other) return undefined;
  const gate = ENTERED_BY[other];
  if (gate !== undefined && !gate.includes(room)) return `only ${gate.join(' and ')} may import ${other}/`;
  const only = ONLY[room];
  if (only !== undefined && !only.includes(other)) return `${room} may import only ${only.join(', ') || 'packages'}`;
  const [floor, otherFloor] = [floorOf(room), floorOf(other)];
  if (floor < otherFloor) return `goes up from floor ${floor} to floor ${otherFloor}`;
  if (floor === otherFloor && !(room === 'cli' || room === 'index.ts'))
    return `neighbours on floor ${floor} do not know each other`;
  return undefined;
}

/** Everything that is wrong with a tree, one sentence each. */
export function faultsOf(graph: Graph): string[] {
  const faults: string[] = [];
  for (const [from, imports] of graph) {
    if (Number.isNaN(floorOf(roomOf(from)))) faults.push(`${from}: stands on no floor`);
    if (from.split('/').some((part) => NO_ROOM.test(part))) faults.push(`${from}: a folder without a subject`);
    for (const to of imports) {
      const fault = importFault(from, to);
      if (fault !== undefined) faults.push(`${from} -> ${to}: ${fault}`);
    }
  }
  return [...faults, ...circlesOf(graph)];
}

/** Each circle once, at the import that closes it (depth first). */
function circlesOf(graph: Graph): string[] {
  const done = new Set<string>();
  const circles: string[] = [];
  const walk = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) circles.push(`circle: ${[...path.slice(at), file].join(' -> ')}`);
    if (at >= 0 || done.has(file)) return;
    for (const to of graph.get(file) ?? []) walk(to, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) walk(file, []);
  return circles;
}
