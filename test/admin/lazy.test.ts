/** What is not used is not loaded: the packages of the HTTP server take longer to load than a short command runs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { BIN, run, temporaryFolder } from '../support/posthaste.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Tells at the end which of those packages were asked for. */
const SPY = `
  import { registerHooks } from 'node:module';
  const seen = new Set();
  registerHooks({ resolve(name, context, next) {
    const known = /^(hono|@hono\\/node-server|zod|prom-client|postal-mime)(\\/|$)/.exec(name);
    if (known) seen.add(known[1]);
    return next(name, context);
  } });
  globalThis.seen = seen;
  process.on('exit', () => process.stderr.write('loaded: ' + [...seen].sort().join(' ') + '\\n'));
`;

async function loadedBy(folder: string, ...args: string[]): Promise<string> {
  writeFileSync(join(folder, 'spy.mjs'), SPY);
  const { stderr } = await run(process.execPath, ['--import', join(folder, 'spy.mjs'), ...args], { cwd: folder });
  // Processes that it started tell, too.
  const told = Array.from(stderr.matchAll(/^loaded: (.*)$/gm), ([, names = '']) => names);
  return told.length === 0 ? `nothing was told: ${stderr}` : told.join('');
}

test('a short command loads none of it', async () => {
  using folder = temporaryFolder();
  const database = ['--data-dir', folder.path];
  expect(await loadedBy(folder.path, BIN, 'send', '--from', 'a@example.com', 'b@example.org', ...database)).toBe('');
  expect(await loadedBy(folder.path, BIN, 'status', ...database)).toBe('');
  expect(await loadedBy(folder.path, BIN, 'list', ...database)).toBe('');
});

test('an application that has a queue loads none of it, and what admin() needs with its first request', async () => {
  using folder = temporaryFolder();
  writeFileSync(
    join(folder.path, 'app.mjs'),
    `import { openQueue } from ${JSON.stringify(join(ROOT, 'dist', 'index.js'))};
     const queue = await openQueue({ dataDir: ${JSON.stringify(folder.path)} });
     await queue.submit({ from: 'a@example.com', to: 'b@example.org', text: 'x' });
     const handler = queue.admin({ authorize: () => ({ name: 'ann', role: 'viewer' }) });
     const before = [...globalThis.seen];
     if (before.length > 0) throw new Error('loaded before: ' + before);
     const { status } = await handler(new Request('http://localhost/api/v1/status'));
     if (status !== 200) throw new Error('answered ' + status);
     await queue.close();`,
  );
  expect(await loadedBy(folder.path, join(folder.path, 'app.mjs'))).toBe('@hono/node-server hono prom-client zod');
});
