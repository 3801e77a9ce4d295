/** A damaged file, said by everything that people and monitors ask, though the pages that a heartbeat needs are sound. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { damage } from '../support/damage.ts';
import { submitOne } from '../support/load.ts';
import { posthaste, serve, temporaryFolder } from '../support/posthaste.ts';
import { until } from '../support/until.ts';

const FLAGS = ['--admin', '127.0.0.1:0', '--min-free-space', '1'] as const;

test('/readyz, status and check say that the file is damaged while every message is refused', async () => {
  using data = temporaryFolder();
  const first = serve({ dataDir: data.path });
  await first.ready();
  await first.stop();
  damage(join(data.path, 'posthaste.db'), 'posthaste_messages');
  const server = serve({ dataDir: data.path, flags: FLAGS });
  try {
    const { port, admin } = await server.ready();
    const ready = (): Promise<Response> => fetch(`http://127.0.0.1:${admin}/readyz`);
    expect((await ready()).status).toBe(200);
    await expect(submitOne(port, ['b@example.com'], 'Subject: x\r\n\r\nx')).resolves.toMatch(/^451/);
    await until(async () => (await ready()).status === 503);
    expect(await (await ready()).text()).toBe('not ready: store\n');
    const status = await posthaste(data.path, 'status', '--min-free-space', '1');
    expect(status.stdout).toMatch(
      new RegExp(`^CRITICAL: the database is damaged, as pid ${server.pid} on .* found: .*posthaste check`),
    );
    expect(status.code).toBe(2);
    const check = await posthaste(data.path, 'check', '--min-free-space', '1');
    expect(check.stdout).toMatch(/FAIL +database +.*posthaste\.db is damaged: .+\. Stop posthaste, and restore/);
    expect(check.code).toBe(1);
  } finally {
    await server.stop();
  }
});
