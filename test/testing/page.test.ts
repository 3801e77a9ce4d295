/** The programs of docs/testing.md, run by the test runner of Node.js, and the same with vitest. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readExamples } from '../examples/pages.ts';
import { run, temporaryFolder } from '../support/posthaste.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MODULES = join(ROOT, 'node_modules');
const programs = readExamples().filter(({ page }) => page === 'docs/testing.md');

/** An empty project that has installed the package. */
function project(): ReturnType<typeof temporaryFolder> {
  const folder = temporaryFolder();
  mkdirSync(join(folder.path, 'node_modules'));
  symlinkSync(ROOT, join(folder.path, 'node_modules', 'posthaste'), 'dir');
  for (const name of ['nodemailer', 'vitest']) {
    symlinkSync(join(MODULES, name), join(folder.path, 'node_modules', name), 'dir');
  }
  return folder;
}

test.each(programs)('$name passes with node --test', async ({ name, text }) => {
  using folder = project();
  const file = join(folder.path, `${name}.test.mjs`);
  writeFileSync(file, text);
  const { code, stdout } = await run(process.execPath, ['--test', file], { cwd: folder.path });
  expect([code, stdout]).toEqual([0, expect.stringMatching(/(ℹ|#) fail 0/)]);
});

test.each(programs)('$name passes with vitest', async ({ name, text }) => {
  using folder = project();
  const changed = text
    .replace(
      "import { after, afterEach, test } from 'node:test'",
      "import { afterAll as after, afterEach, test } from 'vitest'",
    )
    .replace("import { test } from 'node:test'", "import { test } from 'vitest'");
  writeFileSync(join(folder.path, `${name}.test.mjs`), changed);
  // Its own 5 s are not for a machine that has other work.
  const args = [join(MODULES, 'vitest', 'vitest.mjs'), 'run', '--testTimeout=120000'];
  const { code, stdout } = await run(process.execPath, args, { cwd: folder.path });
  expect([code, stdout]).toEqual([0, expect.stringContaining('1 passed')]);
});
