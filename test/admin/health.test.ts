import { afterEach, expect, test } from 'vitest';
import { HealthServer, type ReadinessCheck } from '../../src/admin/health.ts';
import { ManualClock } from '../../src/runtime/clock.ts';

const clock = new ManualClock(1_800_000_000_000);
let server: HealthServer | undefined;

afterEach(() => server?.stop());

async function open(...checks: readonly ReadinessCheck[]): Promise<(path: string, method?: string) => Promise<string>> {
  const opened = new HealthServer({ host: '127.0.0.1', port: 0, clock, checks });
  server = opened;
  await opened.start();
  return async (path, method = 'GET') => {
    const answer = await fetch(`http://127.0.0.1:${opened.address.port}${path}`, { method });
    return `${answer.status} ${await answer.text()}`.trim();
  };
}

test('it tells whether the process lives and is ready, and nothing else', async () => {
  const ask = await open({ name: 'store', check: async () => true }, { name: 'disk space', check: async () => false });
  expect(await ask('/livez')).toBe('200 ok');
  expect(await ask('/readyz?verbose')).toBe('503 not ready: disk space');
  for (const path of ['/', '/metrics', '/messages', '/livez/..', '/readyz/store']) {
    expect(await ask(path), path).toBe('404 not found');
  }
  expect(await ask('/livez', 'POST')).toBe('405 only GET');
});

test('a check that throws has failed, without its reason', async () => {
  const ask = await open({ name: 'store', check: () => Promise.reject(new Error('/secret/path')) });
  expect(await ask('/readyz')).toBe('503 not ready: store');
});

test('who asks often costs no more than one check in a second', async () => {
  let checks = 0;
  const count = async (): Promise<boolean> => ++checks < 2;
  const ask = await open({ name: 'store', check: count });
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask('/readyz')));
  expect([new Set(answers), checks]).toEqual([new Set(['200 ok']), 1]);
  clock.moveTo(clock.now() + 999);
  expect(await ask('/readyz')).toBe('200 ok');
  clock.moveTo(clock.now() + 1);
  expect(await ask('/readyz')).toBe('503 not ready: store');
  expect(checks).toBe(2);
});
