/** Several relays from a configuration file, in a real process. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startRelay } from '../relay/scripted.ts';
import { submitOne } from '../support/load.ts';
import { posthaste, serve, temporaryFolder } from '../support/posthaste.ts';

test('routes by sender, recipient and header go to their relays, and hooks hear of it', async () => {
  using data = temporaryFolder();
  const [one, two] = [await startRelay(), await startRelay()];
  const file = join(data.path, 'posthaste.config.mjs');
  writeFileSync(
    file,
    `export default {
      relays: { one: { url: 'smtp://127.0.0.1:${one.port}' }, two: { url: 'smtp://127.0.0.1:${two.port}' } },
      defaultRelay: 'one',
      routes: [{ recipient: '@two.example', relay: 'two' }, { header: 'X-Relay', value: 'two', relay: 'two' }],
      beforeSend({ subject, relay }) { if (subject === 'wait') throw new Error('not through ' + relay); },
    };`,
  );
  const server = serve({ dataDir: data.path, flags: ['--config', file] });
  const { port } = await server.ready();
  await submitOne(port, ['a@one.example', 'b@two.example'], 'Subject: split\r\n\r\nx');
  await submitOne(port, ['c@one.example'], 'Subject: header\r\nX-Relay: Two\r\n\r\nx');
  await submitOne(port, ['d@one.example'], 'Subject: wait\r\n\r\nx');
  await server.atLeast(3, (line) => line.msg === 'sent');
  await server.line((line) => line.msg === 'deferred' && String(line.reply).includes('not through one'));
  await server.stop();
  expect(one.received.flatMap(({ recipients }) => recipients)).toEqual(['a@one.example']);
  expect(two.received.flatMap(({ recipients }) => recipients).toSorted()).toEqual(['b@two.example', 'c@one.example']);
  await Promise.all([one.close(), two.close()]);
});

test('a relay that is down has another send in its place, and the attempt names the one that did', async () => {
  using data = temporaryFolder();
  const backup = await startRelay();
  const file = join(data.path, 'posthaste.config.json');
  const relays = {
    main: { url: 'smtp://127.0.0.1:1', fallback: 'backup', failoverAfter: '1s' },
    backup: { url: `smtp://127.0.0.1:${backup.port}` },
  };
  writeFileSync(file, JSON.stringify({ relays, defaultRelay: 'main' }));
  const server = serve({ dataDir: data.path, flags: ['--config', file] });
  const { port } = await server.ready();
  await submitOne(port, ['a@example.com'], 'Subject: x\r\n\r\nx');
  expect(await server.line((line) => line.msg === 'sent')).toMatchObject({ relay: 'backup' });
  await server.stop();
  expect(backup.received).toHaveLength(1);
  await backup.close();
});

test('a test system redirects its mail, and shows whom it was for', async () => {
  using data = temporaryFolder();
  const relay = await startRelay();
  const flags = ['--redirect', 'staging@example.org'];
  const server = serve({ dataDir: data.path, relay: `smtp://127.0.0.1:${relay.port}`, flags });
  const { port } = await server.ready();
  await submitOne(port, ['real@example.com', 'other@example.com'], 'Subject: x\r\n\r\nx');
  await server.line((line) => line.msg === 'sent');
  await server.stop();
  expect(relay.received.map(({ recipients }) => recipients)).toEqual([['staging@example.org']]);
  const listed = await posthaste(data.path, 'list', '--json', '--state', 'all');
  const shown = await posthaste(data.path, 'show', JSON.parse(listed.stdout).id);
  expect(shown.stdout).toContain('real@example.com');
  await relay.close();
});

test('mail that waits for a relay is not captured when the relay is forgotten', async () => {
  using data = temporaryFolder();
  const first = serve({ dataDir: data.path, relay: 'smtp://127.0.0.1:1' });
  const { port } = await first.ready();
  await submitOne(port, ['b@example.com'], 'Subject: x\r\n\r\nx');
  await first.line((line) => line.msg === 'deferred');
  await first.stop();
  const second = serve({ dataDir: data.path });
  await second.ready();
  expect(second.lines[0]?.msg).toMatch(/no relay is set, but mail of this queue was meant for one/);
  await second.stop();
  const listed = await posthaste(data.path, 'list', '--json', '--state', 'all');
  expect(JSON.parse(listed.stdout)).toMatchObject({ state: 'queued' });
});
