/** The package as it is published: packed, installed into an empty project, imported and required. */
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run, temporaryFolder } from '../support/posthaste.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const folder = temporaryFolder();
const modules = join(folder.path, 'node_modules');
const TSC = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
const dependencies = ['better-sqlite3', 'commander', 'nodemailer', 'pino', 'pino-pretty', 'postal-mime'];

beforeAll(async () => {
  const packed = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder.path], {
    cwd: ROOT,
  });
  const [{ filename }] = JSON.parse(packed.stdout) as [{ filename: string }];
  const tarball = join(folder.path, filename);
  writeFileSync(join(folder.path, 'package.json'), '{ "name": "application", "private": true }');
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
  const installed = await run('npm', ['install', ...flags, tarball], { cwd: folder.path });
  if (installed.code !== 0) await installByHand(tarball, installed.stderr);
}, 300_000);

/** Where npm cannot get what belongs to it, with the packages of this project. */
async function installByHand(tarball: string, why: string): Promise<void> {
  if (process.env.CI === 'true') throw new Error(`CI must be able to install the package: ${why}`);
  console.warn(`\n*** npm cannot install the package, it is unpacked beside our own dependencies: ${why} ***\n`);
  mkdirSync(join(modules, 'posthaste'), { recursive: true });
  await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', join(modules, 'posthaste')]);
  for (const name of dependencies) {
    if (!existsSync(join(modules, name))) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name), 'dir');
  }
}

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

  test('has what the tests of an application need', async () => {
    const text = `import { openTestQueue, startRelay } from 'posthaste/testing';
      await using relay = await startRelay();
      await using queue = await openTestQueue({ relay: relay.url });
      await queue.submit({ from: 'a@example.com', to: 'b@example.org', subject: 's', text: 't' });
      await queue.work();
      await relay.until(() => relay.received.length === 1);
      console.log((await queue.expectSent({ to: 'b@example.org' })).subject);`;
    expect(await program('t.mjs', text)).toBe('s');
  });

  test('works in a program that is given on the command line', async () => {
    const text = `import { openQueue } from 'posthaste';${USE}`;
    const environment = { POSTHASTE_DATA_DIR: join(folder.path, 'data-given') };
    const ran = await run(process.execPath, ['--input-type=module', '-e', text], { cwd: folder.path, environment });
    expect(ran).toMatchObject({ code: 0, stdout: 'queued 1\n', stderr: '' });
  });

  test('is required by an older program', async () => {
    const text = `const { openQueue, PosthasteError } = require('posthaste');(async () => {${USE}})();`;
    expect(await program('b.cjs', text)).toBe('queued 1');
  });

  test('says in a Node.js that is too old for it which one it needs', async () => {
    const text = `Object.defineProperty(process.versions, 'node', { value: '20.20.2' });
      const { openQueue } = await import('posthaste');
      const { openTestQueue } = await import('posthaste/testing');
      for (const open of [openQueue, openTestQueue]) await open().catch(({ code, message }) => console.log(code, message));`;
    const words = 'CONFIG_INVALID posthaste needs Node.js 22.18 or newer, this is 20.20.2.';
    expect(await program('old.mjs', text)).toBe(`${words}\n${words}`);
  });

  test('tells its types, and what is wrong by them', async () => {
    const good = `import { createTransport } from 'nodemailer';
      import { defineConfig, openQueue, PosthasteError, type FoundMessage } from 'posthaste';
      import { openTestQueue, type ScriptedRelay, type SentMail, startRelay, type TestQueue, usual } from 'posthaste/testing';
      export default defineConfig({ relay: 'smtp://mail.example.com', onRelayChange: ({ relay }) => console.log(relay) });
      export const inline = defineConfig({ relays: { x: { transport: { name: 'x', version: '1', send(mail, done) {
        done(null, mail.message.getEnvelope().to.map((each) => each.trim()));
      } } } } });
      const queue = await openQueue({ maxAge: '2d' });
      const info = await createTransport(queue.transport()).sendMail({ from: 'a@example.com', to: 'b@example.org', text: 't' });
      const found: FoundMessage | null = await queue.get(info.id);
      const why: string | undefined = found?.deliveries[0]?.why;
      const code = (error: PosthasteError): 'STOPPED' | undefined => (error.code === 'STOPPED' ? error.code : undefined);
      const test: TestQueue = await openTestQueue();
      const mail: SentMail = await test.waitForMail({ to: /@example/, subject: 's' }, { timeout: 100 });
      const relay: ScriptedRelay = await startRelay({ script: { rcpt: ['450 4.2.0 later', usual] } });
      void [mail.attachments[0]?.content, relay.received[0]?.recipients];
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
