/** Metrics and health of a process that only works. */
import { expect, test } from 'vitest';
import { startRelay } from '../relay/scripted.ts';
import { posthaste, temporaryFolder, work } from '../support/posthaste.ts';

test('a worker counts what it tries, and shows nothing but that, to those who may see it', async () => {
  using folder = temporaryFolder();
  const relay = await startRelay();
  const flags = ['--metrics', '127.0.0.1:0'];
  const environment = { POSTHASTE_ADMIN_VIEWERS: 'prometheus:scrape' };
  const worker = work({ dataDir: folder.path, relay: `smtp://127.0.0.1:${relay.port}`, flags, environment });
  const ready = await worker.line((line) => line.msg === 'ready');
  const ask = (path: string, login = 'prometheus:scrape'): Promise<Response> => {
    const headers = { authorization: `Basic ${Buffer.from(login).toString('base64')}` };
    return fetch(`http://${String(ready.metrics)}${path}`, { headers });
  };
  await posthaste(folder.path, 'send', '--from', 'a@example.com', '--to', 'b@example.org', '--text', 'x');
  await worker.line((line) => line.msg === 'sent');
  const metrics = async (): Promise<string> => (await ask('/metrics')).text();
  await expect.poll(metrics, { timeout: 60_000 }).toMatch(/^posthaste_attempts_total\{[^}]*outcome="sent"[^}]*\} 1$/m);
  const status = async (path: string, login?: string): Promise<number> => (await ask(path, login)).status;
  expect([await status('/livez'), await status('/readyz')]).toEqual([200, 200]);
  expect([await status('/metrics', 'prometheus:guess'), await status('/api/v1/status'), await status('/')]).toEqual([
    401, 404, 404,
  ]);
  await worker.stop();
  await relay.close();
});

test('one that listens for other machines without a login does not start', async () => {
  using folder = temporaryFolder();
  const { code, stderr } = await posthaste(folder.path, 'work', '--metrics', '0.0.0.0:9025');
  expect(code).toBe(78);
  expect(stderr).toMatch(
    /^posthaste: metrics \(--metrics\) is "0\.0\.0\.0:9025": can be reached from other machines: set adminUsers/,
  );
});
