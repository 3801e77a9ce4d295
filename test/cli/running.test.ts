import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { serve } from '../support/posthaste.ts';
import { Folder } from './command.ts';

test('serve says first that it captures, and how to set a relay', async () => {
  using folder = new Folder();
  const server = serve({ dataDir: folder.path });
  await server.ready();
  expect(server.lines[0]?.msg).toMatch(/^capture mode: .*--relay smtp:\/\//);
  expect(await server.stop()).toBe(0);
});

test.each([
  ['serve', '--listen', '--admin', 'off'],
  ['serve', '--admin', '--listen', '127.0.0.1:0'],
  ['work', '--metrics', '--relay', 'smtp://127.0.0.1:9'],
])(
  'an address of %s %s that is taken is one clear line that says what to do, and no running process',
  async (command, flag, ...more) => {
    using folder = new Folder();
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { code, stderr } = await folder.run([command, flag, `127.0.0.1:${port}`, ...more]);
    other.close();
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(
        `^posthaste: Cannot listen on 127\\.0\\.0\\.1 port ${port}: [^\\n]*EADDRINUSE[^\\n]* stop it, or choose another address with the setting ${flag.slice(2)} \\(${flag}\\)\\.\\n$`,
      ),
    );
  },
);

test('a second signal ends the process at once, and the message stays', async () => {
  using folder = new Folder();
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const relay = `smtp://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const id = await folder.send('bob@example.com');
  const called = once(silent, 'connection');
  const server = serve({ dataDir: `${folder.path}/posthaste`, relay });
  await called;
  server.signal('SIGTERM');
  server.signal('SIGINT');
  expect([128 + 2, 128 + 15]).toContain(await server.ended());
  silent.close();
  expect(await folder.json('list')).toMatchObject([{ id }]);
});

test('a command that only looks does not wait for what it does not need', async () => {
  using folder = new Folder();
  await folder.send('bob@example.com');
  const hook = `
    import { registerHooks } from 'node:module';
    const loaded = new Set();
    registerHooks({ load(url, context, next) { loaded.add(url); return next(url, context); } });
    process.on('exit', () => process.stderr.write([...loaded].join('\\n')));
  `;
  const environment = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hook)}` };
  const { code, stderr } = await folder.run(['list'], { environment });
  expect(code).toBe(0);
  const packages = new Set(Array.from(stderr.matchAll(/node_modules\/([^/]+)/g), ([, name]) => name));
  expect([...packages].toSorted()).toEqual(['better-sqlite3', 'commander']);
});
