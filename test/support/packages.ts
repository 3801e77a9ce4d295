/** Packages that only some tests want, beside a package.json of their own: installed when such a test runs, and once. */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './posthaste.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Brings `node_modules` of a folder up to date with its lock file, and posthaste itself into it. Answers false where npm cannot get
 * the packages, which fails under CI=true.
 */
export async function packagesIn(folder: string): Promise<boolean> {
  const modules = join(folder, 'node_modules');
  const stamp = join(modules, '.posthaste-stamp');
  const wanted = createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
    console.warn(`\n*** installing the packages of ${folder} (npm), about half a minute ***\n`);
    const flags = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
    const { code, stderr } = await run('npm', ['install', ...flags], { cwd: folder });
    if (code !== 0) return unavailable(stderr);
    writeFileSync(stamp, wanted);
  }
  installOwn(join(modules, 'posthaste'));
  return true;
}

/** As npm would: a folder of its own, because bundlers take what a link leads to for a part of the application. */
function installOwn(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  for (const part of ['bin', 'dist', 'package.json']) cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'dir');
}

function unavailable(why: string): false {
  if (process.env.CI === 'true') throw new Error(`CI must have these packages: ${why}`);
  console.warn(`\n*** SKIPPED: packages cannot be installed, their tests do not run: ${why} ***\n`);
  return false;
}
