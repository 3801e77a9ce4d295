/** How serve ends: in order, at once, and with nothing lost either way. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { when } from '../relay/actions.ts';
import { startRelay } from '../relay/scripted.ts';
import { submitOne } from '../support/load.ts';
import { BIN, cleanEnvironment, posthaste, serve, temporaryFolder } from '../support/posthaste.ts';
import { freePort, listening } from '../support/smtp-sink.ts';

describe('SIGTERM', () => {
  test('lets an attempt finish, writes it down, and exits with 0', async () => {
    using data = temporaryFolder();
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const relay = await startRelay({ script: { dot: when(released) } });
    const server = serve({ dataDir: data.path, relay: `smtp://127.0.0.1:${relay.port}` });
    const { port } = await server.ready();
    await submitOne(port, ['b@example.com'], 'Subject: x\r\n\r\nbody');
    await relay.until(() => relay.received.length === 1);
    server.signal('SIGTERM');
    release();
    expect(await server.ended()).toBe(0);
    expect(server.lines.map((line) => line.msg)).toContain('sent');
    const listed = await posthaste(data.path, 'list', '--json', '--state', 'all');
    expect(JSON.parse(listed.stdout)).toMatchObject({ state: 'sent', attempts: 1 });
    await relay.close();
  });

  test('gives back what the relay does not answer, with its attempt, and a second start sends it', async () => {
    using data = temporaryFolder();
    const { promise: never } = Promise.withResolvers<void>();
    const relay = await startRelay({ script: { mail: when(never) } });
    const options = { dataDir: data.path, relay: `smtp://127.0.0.1:${relay.port}` };
    const server = serve(options);
    const { port } = await server.ready();
    await submitOne(port, ['b@example.com'], 'Subject: x\r\n\r\nbody');
    await relay.until(() =>
      relay.connections.some((connection) => connection.commands.some((command) => command.startsWith('MAIL'))),
    );
    expect(await server.stop()).toBe(0);
    const listed = await posthaste(data.path, 'list', '--json', '--state', 'all');
    expect(JSON.parse(listed.stdout)).toMatchObject({ state: 'queued', attempts: 0 });

    relay.script = {};
    const second = serve(options);
    await second.line((line) => line.msg === 'sent');
    await second.stop();
    expect(relay.received).toHaveLength(1);
    await relay.close();
  });

  test('twice ends it at once, and what was accepted is still there', async () => {
    using data = temporaryFolder();
    const { promise: never } = Promise.withResolvers<void>();
    const relay = await startRelay({ script: { mail: when(never) } });
    const options = { dataDir: data.path, relay: `smtp://127.0.0.1:${relay.port}` };
    const server = serve(options);
    const { port } = await server.ready();
    await submitOne(port, ['b@example.com'], 'Subject: x\r\n\r\nbody');
    await relay.until(() =>
      relay.connections.some((connection) => connection.commands.some((command) => command.startsWith('MAIL'))),
    );
    server.signal('SIGTERM');
    await relay.until(() => true);
    server.signal('SIGTERM');
    expect([0, 143]).toContain(await server.ended());
    relay.script = {};
    const second = serve(options);
    await second.line((line) => line.msg === 'sent');
    await second.stop();
    expect(relay.received).toHaveLength(1);
    await relay.close();
  });
});

describe.skipIf(!existsSync('/dev/full'))('a log that cannot be written', () => {
  test('holds up neither mail nor the end', async () => {
    using data = temporaryFolder();
    const relay = await startRelay();
    const port = await freePort();
    const flags = [
      'serve',
      '--data-dir',
      data.path,
      '--listen',
      `127.0.0.1:${port}`,
      '--admin',
      'off',
      '--relay',
      `smtp://127.0.0.1:${relay.port}`,
    ];
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [BIN, ...flags], {
      env: cleanEnvironment(),
      stdio: ['ignore', full, 'inherit'],
    });
    process.once('exit', () => child.kill('SIGKILL'));
    await listening(port, child);
    for (let i = 0; i < 20; i++) await submitOne(port, ['b@example.com'], `Subject: ${i}\r\n\r\nbody`);
    await relay.until(() => relay.received.length === 20);
    const ended = once(child, 'close');
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    closeSync(full);
    await relay.close();
  });
});
