/**
 * What the npm scripts do: bring packages and dist/ up to date, then run the command with the Node.js of node_modules/.
 * Plain JavaScript that old Node.js versions can run too, because it may be the system's that starts it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = join(root, 'node_modules', '.bin');
const node = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
const env = { ...process.env, PATH: bin + delimiter + (process.env.PATH ?? '') };

const say = (text) => process.stderr.write(`posthaste: ${text}\n`);
/** Where `npm run posthaste -- list` is meant to be as short as `posthaste list`. */
const sayUnchanged = (text) => (process.argv[2] === 'posthaste' ? undefined : say(text));
const readJson = (path) => (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined);

/** True when node_modules/ holds what package-lock.json asks for, as npm's own record of it says. */
function isInstalled() {
  const lock = readJson(join(root, 'package-lock.json')).packages;
  const record = readJson(join(root, 'node_modules', '.package-lock.json'));
  if (record === undefined || !existsSync(node)) return false;
  const { '': project, ...wanted } = lock;
  const have = record.packages;
  return (
    isLocked(project) &&
    Object.keys(have).every((name) => name in wanted || have[name].optional) &&
    Object.entries(wanted).every(([name, entry]) =>
      name in have ? have[name].version === entry.version : entry.optional || entry.devOptional || entry.peer,
    )
  );
}

/** package.json and the lock file agree. */
function isLocked(locked) {
  const project = readJson(join(root, 'package.json'));
  return ['dependencies', 'devDependencies'].every(
    (kind) => JSON.stringify(project[kind]) === JSON.stringify(locked[kind]),
  );
}

/**
 * `npm install` obeys the lock file, as `npm ci` does; but `npm ci` refuses one that lacks the builds for other platforms, and
 * npm leaves those out where a registry does not serve them. `--no-save` keeps the lock file as it is.
 */
function install() {
  if (isInstalled()) return sayUnchanged('packages are up to date');
  say('installing packages (npm install), about half a minute');
  const npm = process.env.npm_execpath;
  const [command, lead] = npm?.endsWith('js') ? [process.execPath, [npm]] : ['npm', []];
  must(command, [...lead, 'install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], process.env);
}

/** Everything that decides what dist/ contains, as one hash. */
function sourcesHash() {
  const hash = createHash('sha256');
  const files = ['src', 'pages'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true }).map((name) => join(folder, String(name))),
  );
  const sources = files.filter(
    (name) => /\.(?:tsx?|m?js|json|sql|html|css|svg)$/.test(name) && !name.endsWith('.test.ts'),
  );
  for (const name of [...sources.sort(), 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json']) {
    hash
      .update(`${name}\0`)
      .update(readFileSync(join(root, name)))
      .update('\0');
  }
  return hash.digest('hex');
}

/** Builds beside dist/ and then swaps, so that a running process never sees half of a build. */
function build() {
  const dist = join(root, 'dist');
  const stamp = join(dist, '.stamp');
  const sources = sourcesHash();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === sources) return sayUnchanged('dist/ is up to date');
  say('building dist/ (tsc, vite)');
  const fresh = `${dist}.new-${process.pid}`;
  try {
    tool('typescript/bin/tsc', ['-p', 'tsconfig.build.json', '--outDir', fresh]);
    tool('vite/bin/vite.js', [
      'build',
      'pages',
      '--logLevel',
      'warn',
      '--emptyOutDir',
      '--outDir',
      join(fresh, 'pages'),
    ]);
    writeFileSync(join(fresh, '.stamp'), sources);
    swap(fresh, dist, `${dist}.old-${process.pid}`);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Puts `fresh` in the place of `dist`. When another build does the same at this moment, the later one stays. */
function swap(fresh, dist, old) {
  for (let tries = 1; ; tries++) {
    try {
      if (existsSync(dist)) renameSync(dist, old);
      renameSync(fresh, dist);
      return;
    } catch (error) {
      if (tries === 10 || !['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(error.code)) throw error;
    } finally {
      rmSync(old, { recursive: true, force: true });
    }
  }
}

/** Runs a program of node_modules/ to its end; its failure is ours. */
function tool(path, args) {
  must(node, [join(root, 'node_modules', path), ...args], env);
}

function must(command, args, environment) {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, env: environment, stdio: 'inherit' });
  if (error !== undefined) say(`cannot run ${command}: ${error.message}`);
  if (status !== 0) throw new Failed(status ?? 1, signal);
}

class Failed extends Error {
  constructor(status, signal) {
    super(`exit status ${status}`);
    this.status = status;
    this.signal = signal;
  }
}

/** One signal that comes by several ways arrives within this time, ms. */
const BURST_MS = 500;

/**
 * Runs a command that may be stopped from outside, and ends as it ended. A terminal sends SIGINT to the whole foreground
 * group: where there is one, the command has heard it already. npm passes on what the group got: one of a burst is enough.
 */
function hand(args) {
  const child = spawn(node, args, { cwd: root, env, stdio: 'inherit' });
  let passedAt = Number.NEGATIVE_INFINITY;
  const pass = (signal) => {
    const heard = signal === 'SIGINT' && process.stdin.isTTY;
    if (heard || performance.now() - passedAt < BURST_MS) return;
    passedAt = performance.now();
    child.kill(signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, pass);
  child.on('exit', (status, signal) => {
    for (const name of signals) process.off(name, pass);
    if (signal === null) process.exitCode = status ?? 1;
    else process.kill(process.pid, signal);
  });
}

function check() {
  say('checking format, lint, types, unused code and the package');
  tool('@biomejs/biome/bin/biome', ['check', '--error-on-warnings']);
  tool('typescript/bin/tsc', ['-p', 'tsconfig.json']);
  tool('typescript/bin/tsc', ['-p', 'pages/tsconfig.json']);
  tool('knip/bin/knip.js', []);
  tool('publint/src/cli.js', ['--strict']);
}

const commands = {
  build: () => {},
  posthaste: (args) => hand(['bin/posthaste.js', ...args]),
  demo: (args) => hand(['demo/main.ts', ...args]),
  start: (args) => hand(['bin/posthaste.js', 'serve', ...args]),
  test: (args) => hand(['node_modules/vitest/vitest.mjs', 'run', ...args]),
  bench: (args) => hand(['bench/main.ts', ...args]),
  'bench-engines': (args) => hand(['bench/engines/main.ts', ...args]),
  'bench-pages': (args) => hand(['bench/pages/main.ts', ...args]),
  'bench-latency': (args) => hand(['bench/latency/main.ts', ...args]),
  'bench-claims': (args) => hand(['bench/claims.ts', ...args]),
  'bench-wakeup': (args) => hand(['bench/wakeup/main.ts', ...args]),
  docs: () => tool('../scripts/docs.ts', []),
  screenshots: () => tool('../scripts/screenshots.ts', []),
  check,
};

const [name = '', ...args] = process.argv.slice(2);
try {
  const command = commands[name];
  if (command === undefined) throw new Error(`usage: run.mjs ${Object.keys(commands).join(' | ')}`);
  install();
  build();
  command(args);
} catch (error) {
  if (!(error instanceof Failed)) say(error.message);
  if (error.signal) process.kill(process.pid, error.signal);
  process.exitCode = error.status ?? 1;
}
