/** The programs of docs/library.md, run as an application would that has installed the package. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readExamples } from '../examples/pages.ts';
import { run, temporaryFolder } from '../support/posthaste.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const programs = readExamples().filter(({ page }) => page === 'docs/library.md');

test('the page has programs', () => {
  expect(programs.map(({ name }) => name)).toEqual([
    'library-nodemailer',
    'library-submit',
    'library-many',
    'library-find',
    'library-events',
  ]);
});

test('they run, one after the other, on one queue', async () => {
  using folder = temporaryFolder();
  const modules = join(folder.path, 'node_modules');
  mkdirSync(modules);
  symlinkSync(ROOT, join(modules, 'posthaste'), 'dir');
  symlinkSync(join(ROOT, 'node_modules', 'nodemailer'), join(modules, 'nodemailer'), 'dir');
  const outputs: string[] = [];
  for (const { name, text } of programs) {
    const file = join(folder.path, `${name}.mjs`);
    writeFileSync(file, text);
    const environment = { POSTHASTE_DATA_DIR: join(folder.path, 'data') };
    const { code, stdout, stderr } = await run(process.execPath, [file], { cwd: folder.path, environment });
    expect([name, code, stderr]).toEqual([name, 0, '']);
    outputs.push(stdout);
  }
  expect(outputs[0]).toMatch(/^250 2\.0\.0 queued as [0-9a-f-]{36}\n$/);
  expect(outputs[1]).toBe('bob@example.org queued No worker has been seen: start posthaste serve or posthaste work.\n');
  expect(outputs[2]).toBe("0 [ 'ann@example.org' ]\n1 [ 'bob@example.org' ]\n2 [ 'cy@example.org' ]\n");
  expect(outputs[3]).toMatch(/^([0-9a-f-]{36} (bob|ann|cy)@example\.org queued \n){5}6 wait\n$/);
  expect(outputs[4]).toMatch(/^(\w+ \w+@example\.\w+\n)*captured eve@example\.org\ncaptured\n$/);
});
