/** The package as it is published: packed, unpacked into an empty project, imported and required. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run, temporaryFolder } from '../support/posthaste.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const folder = temporaryFolder();
const modules = join(folder.path, 'node_modules');
const TSC = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
const dependencies = ['better-sqlite3', 'commander', 'nodemailer', 'pino', 'pino-pretty', 'zod'];

beforeAll(async () => {
  const packed = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder.path], {
    cwd: ROOT,
  });
  const [{ filename }] = JSON.parse(packed.stdout) as [{ filename: string }];
  mkdirSync(join(modules, 'posthaste'), { recursive: true });
  await run('tar', ['-xzf', join(folder.path, filename), '--strip-components=1', '-C', join(modules, 'posthaste')]);
  // What npm would install beside it.
  for (const name of dependencies) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name), 'dir');
});

afterAll(() => folder[Symbol.dispose]());

/** Runs a program in the empty project. */
async function program(name: string, text: string): Promise<string> {
  const file = join(folder.path, name);
  writeFileSync(file, text);
  const environment = { POSTHASTE_DATA_DIR: join(folder.path, name, '..', `data-${name}`) };
  const { code, stdout, stderr } = await run(process.execPath, [file], { cwd: folder.path, environment });
  expect([code, stderr]).toEqual([0, '']);
  return stdout.trim();
}

const USE = `
  const queue = await openQueue();
  const { id } = await queue.submit({ from: 'a@example.com', to: 'b@example.org', subject: 's', text: 't' });
  console.log((await queue.get(id)).deliveries[0].state, await queue.count());
  await queue.close();`;

describe('the package', () => {
  test('is imported by a module', async () => {
    expect(await program('a.mjs', `import { openQueue } from 'posthaste';${USE}`)).toBe('queued 1');
  });

  test('is required by an older program', async () => {
    const text = `const { openQueue, PosthasteError } = require('posthaste');(async () => {${USE}})();`;
    expect(await program('b.cjs', text)).toBe('queued 1');
  });

  test('tells its types, and what is wrong by them', async () => {
    const good = `import { createTransport } from 'nodemailer';
      import { defineConfig, openQueue, PosthasteError, type FoundMessage } from 'posthaste';
      export default defineConfig({ relay: 'smtp://mail.example.com', onRelayChange: ({ relay }) => console.log(relay) });
      const queue = await openQueue({ maxAge: '2d' });
      const info = await createTransport(queue.transport()).sendMail({ from: 'a@example.com', to: 'b@example.org', text: 't' });
      const found: FoundMessage | null = await queue.get(info.id);
      const why: string | undefined = found?.deliveries[0]?.why;
      const code = (error: PosthasteError): 'STOPPED' | undefined => (error.code === 'STOPPED' ? error.code : undefined);
      await queue.submit({ to: why ?? '' }, { priority: 'high', retry: { maxAttempts: null } });
      void code;`;
    const bad = `import { openQueue } from 'posthaste';
      const queue = await openQueue({ maxAge: '2d' });
      await queue.submit({}, { priority: 'urgent' });`;
    writeFileSync(join(folder.path, 'good.mts'), good);
    writeFileSync(join(folder.path, 'bad.mts'), bad);
    const flags = ['--noEmit', '--strict', '--target', 'es2024', '--module', 'nodenext', '--types', 'node'];
    const check = (file: string) =>
      run(process.execPath, [TSC, ...flags, '--typeRoots', join(ROOT, 'node_modules', '@types'), file], {
        cwd: folder.path,
      });
    expect(await check('good.mts')).toMatchObject({ code: 0, stdout: '' });
    expect((await check('bad.mts')).stdout).toMatch(/^bad\.mts\(3,.*'"urgent"' is not assignable/);
  });

  test('has a program that runs', async () => {
    const bin = join(modules, 'posthaste', 'bin', 'posthaste.js');
    const { code, stdout } = await run(process.execPath, [bin, '--version']);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)]);
  });
});
