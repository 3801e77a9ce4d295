/** What a hook leaves behind fails in a process that delivers. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startRelay } from '../relay/scripted.ts';
import { submitOne } from '../support/load.ts';
import { posthaste, serve, temporaryFolder, work } from '../support/posthaste.ts';

/** The path of a configuration with that text as the body of `beforeSend`. */
function configWith(folder: string, body: string): string {
  const file = join(folder, 'posthaste.config.mjs');
  writeFileSync(file, `export default { async beforeSend() { ${body} } };`);
  return file;
}

const LEFT_BEHIND = "(async () => { throw new Error('nobody waits') })();";

test('a promise that a hook leaves behind is logged with its stack when it fails, and serve goes on', async () => {
  using data = temporaryFolder();
  const relay = await startRelay();
  const flags = ['--config', configWith(data.path, LEFT_BEHIND)];
  const server = serve({ dataDir: data.path, relay: `smtp://127.0.0.1:${relay.port}`, flags });
  const { port } = await server.ready();
  await submitOne(port, ['b@example.com'], 'Subject: x\r\n\r\nx');
  await server.line((line) => line.msg === 'sent');
  const line = await server.line((each) => each.msg === 'a promise failed that nobody waits for');
  expect(line).toMatchObject({
    level: 50,
    err: { message: 'nobody waits', stack: expect.stringContaining('posthaste.config.mjs') },
  });
  expect(await server.stop()).toBe(0);
  await relay.close();
});

test.each([[[]], [['--once', '--log-level', 'info']]])('so does work %s, whatever was thrown', async (once) => {
  using data = temporaryFolder();
  const relay = await startRelay();
  await posthaste(data.path, 'send', '--from', 'a@example.com', '--to', 'b@example.org', '--text', 'x');
  const flags = [...once, '--config', configWith(data.path, 'void Promise.reject(null);')];
  const worker = work({ dataDir: data.path, relay: `smtp://127.0.0.1:${relay.port}`, flags });
  await worker.line((line) => line.msg === 'sent');
  await worker.line((line) => line.msg === 'a promise failed that nobody waits for');
  expect(once.length > 0 ? await worker.ended() : await worker.stop()).toBe(0);
  await relay.close();
});

test('an exception that nobody caught ends serve with one line', async () => {
  using data = temporaryFolder();
  const flags = [
    '--config',
    configWith(data.path, "await new Promise(() => setImmediate(() => { throw new Error('lost') }));"),
  ];
  const server = serve({ dataDir: data.path, relay: 'smtp://127.0.0.1:1', flags });
  const { port } = await server.ready();
  await submitOne(port, ['b@example.com'], 'Subject: x\r\n\r\nx');
  expect(await server.ended()).toBe(1);
  expect(server.lines.at(-1)).toMatchObject({
    level: 50,
    msg: 'an exception that nobody caught ends the process',
    err: { message: 'lost' },
  });
  expect(server.output).toHaveLength(server.lines.length);
});
