/** The direction of imports, as docs/architecture.md draws it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { faultsOf, importsOf, loadedWith, readGraph } from './architecture.ts';

const SRC = fileURLToPath(new URL('../src', import.meta.url));

function faultsWith(edges: Readonly<Record<string, readonly string[]>>): string[] {
  return faultsOf(new Map(Object.entries(edges)));
}

describe('the source tree', () => {
  const graph = readGraph(SRC);

  it('imports downward only, without circles', () => {
    expect(faultsOf(graph)).toEqual([]);
  });

  it('is what the test reads: every file it imports is there, and some are', () => {
    const targets = [...new Set([...graph.values()].flat())];
    expect(targets.filter((file) => !graph.has(file) && !existsSync(`${SRC}/${file}`))).toEqual([]);
    expect(targets.length).toBeGreaterThan(10);
  });
});

describe('the queue, opened for a short command', () => {
  it('loads no listener, worker or transport', () => {
    const rooms = new Set([...loadedWith(readGraph(SRC), 'app/open.ts')].map((file) => file.split('/')[0]));
    expect([...rooms].toSorted()).toEqual(['app', 'config', 'errors.ts', 'mail', 'queue', 'runtime', 'store']);
  });
});

describe('the reader of imports finds', () => {
  it.each([
    ["import { a } from './a.ts';", './a.ts'],
    ["import type { a } from './a.ts';", './a.ts'],
    ["import a, { type b } from './a.ts';", './a.ts'],
    ["import {\n  a,\n  type b,\n} from './a.ts';", './a.ts'],
    ["import * as a from './a.ts';", './a.ts'],
    ["import './a.ts';", './a.ts'],
    ["export { a } from './a.ts';", './a.ts'],
    ["export * from './a.ts';", './a.ts'],
    ["const a = await import('./a.ts');", './a.ts'],
    ["new Worker(new URL('./a.ts', import.meta.url));", './a.ts'],
  ])('%s', (source, target) => {
    expect(importsOf(source)).toEqual([target]);
  });

  it('nothing in prose that speaks of imports', () => {
    expect(importsOf('/** What `import ... from "posthaste"` gives. */\n// moved here from \'./a.ts\'')).toEqual([]);
  });
});

describe('a tree is refused when', () => {
  it.each([
    ['an import goes up', 'queue/queue.ts', 'delivery/worker.ts'],
    ['the ground imports something of ours', 'mail/reply.ts', 'runtime/clock.ts'],
    ['the runtime knows mail', 'runtime/log.ts', 'mail/reply.ts'],
    ['a transport knows the queue', 'transport/smtp/client.ts', 'queue/queue.ts'],
    ['the queue knows a transport', 'queue/queue.ts', 'transport/transport.ts'],
    ['a way in knows the store', 'submission/accept.ts', 'store/sqlite.ts'],
    ['the worker knows the store', 'delivery/worker.ts', 'store/open.ts'],
    ['a command knows the store', 'cli/list.ts', 'store/open.ts'],
    ['a part reads the configuration', 'delivery/worker.ts', 'config/settings.ts'],
    ['neighbours know each other', 'admin/server.ts', 'report/metrics.ts'],
    ['the composition root imports a command', 'app/server.ts', 'cli/main.ts'],
    ['an import leaves the tree', 'cli/main.ts', '../bench/main.ts'],
  ])('%s', (_, from, to) => {
    expect(faultsWith({ [from]: [to], [to]: [] })).toContainEqual(expect.stringContaining(`${from} -> ${to}`));
  });

  it('two files import each other', () => {
    const faults = faultsWith({
      'queue/a.ts': ['queue/b.ts'],
      'queue/b.ts': ['queue/c.ts'],
      'queue/c.ts': ['queue/a.ts'],
    });
    expect(faults).toEqual(['circle: queue/a.ts -> queue/b.ts -> queue/c.ts -> queue/a.ts']);
  });

  it('a folder has no subject or no floor', () => {
    expect(faultsWith({ 'queue/helpers/text.ts': [] })).toEqual(['queue/helpers/text.ts: a folder without a subject']);
    expect(faultsWith({ 'attic/box.ts': [] })).toEqual(['attic/box.ts: stands on no floor']);
  });
});

describe('the pages', () => {
  it('know of the program nothing but types', () => {
    const folder = new URL('../pages/', import.meta.url);
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name));
    const lines = files.flatMap((name) => readFileSync(new URL(name, folder), 'utf8').split('\n'));
    const imports = lines.filter((line) => /from '(?:\.\.\/)+src\//.test(line));
    expect(imports.length).toBeGreaterThan(0);
    expect(imports.filter((line) => !/^import type |^} from /.test(line))).toEqual([]);
    expect(imports.filter((line) => !/\/src\/admin\//.test(line))).toEqual([]);
  });
});

describe('a tree is accepted when', () => {
  it('imports go down', () => {
    const tree = {
      'index.ts': ['app/server.ts'],
      'cli/main.ts': ['app/server.ts', 'config/load.ts', 'cli/table.ts'],
      'cli/table.ts': ['mail/reply.ts'],
      'app/server.ts': ['app/open.ts', 'delivery/worker.ts'],
      'app/open.ts': ['store/open.ts', 'config/load.ts'],
      'delivery/worker.ts': ['queue/queue.ts', 'transport/transport.ts', 'report/dsn.ts'],
      'report/dsn.ts': ['queue/queue.ts'],
      'store/open.ts': ['queue/store.ts'],
      'queue/queue.ts': ['queue/store.ts', 'runtime/clock.ts', 'errors.ts'],
    };
    expect(faultsWith(tree)).toEqual([]);
  });
});
