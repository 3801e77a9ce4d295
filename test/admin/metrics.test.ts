/** Metrics as Prometheus reads them, and what ops/ makes of them. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startDelivery } from '../../src/app/delivery.ts';
import { type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import { AdminBench } from '../support/admin.ts';

let relay: ScriptedRelay;
let bench: AdminBench;

beforeEach(async () => {
  relay = await startRelay();
  bench = await AdminBench.open({ relay: `smtp://127.0.0.1:${relay.port}` });
});

afterEach(async () => {
  await bench[Symbol.asyncDispose]();
  await relay.close();
});

const submit = () => bench.post('/messages', { from: 'a@example.com', to: 'bob@example.org', text: 'x' });

/** Samples by name and labels, as they stand there. */
async function samples(): Promise<Map<string, number>> {
  const { text } = await bench.ask('/metrics');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

test('they count what came and what was tried, and say how the queue stands', async () => {
  await submit();
  const delivery = await startDelivery(bench.app, 'library', bench.log, undefined);
  await bench.log.until('sent');
  await delivery.stop();
  await bench.post('/relays/default/pause');
  await submit();
  const seen = await samples();
  expect(seen.get('posthaste_messages_accepted_total{origin="library"}')).toBe(2);
  expect(seen.get('posthaste_attempts_total{relay="default",outcome="sent"}')).toBe(1);
  expect(seen.get('posthaste_attempt_duration_seconds_count{relay="default",outcome="sent"}')).toBe(1);
  expect(seen.get('posthaste_deliveries{state="queued"}')).toBe(1);
  expect(seen.get('posthaste_deliveries{state="sent"}')).toBe(1);
  expect(seen.get('posthaste_relay_standing{relay="default",standing="paused"}')).toBe(1);
  expect(seen.get('posthaste_relay_standing{relay="default",standing="fine"}')).toBe(0);
  expect(Math.abs((seen.get('posthaste_last_sent_timestamp_seconds') ?? 0) - Date.now() / 1_000)).toBeLessThan(120);
  expect(seen.get('posthaste_problems{level="critical"}')).toBeDefined();
  expect(seen.get('posthaste_store_duration_seconds_count{operation="insert"}')).toBeGreaterThan(0);
  expect(seen.get('posthaste_queue_readable')).toBe(1);
});

test('a scrape never fails: a database that cannot be read is a figure of its own', async () => {
  await bench.app.store.close();
  const { status } = await bench.ask('/metrics');
  expect(status).toBe(200);
  expect((await samples()).get('posthaste_queue_readable')).toBe(0);
});

test('they ask for a login where there are users', async () => {
  await using guarded = await AdminBench.open({ adminViewers: 'prometheus:scrape' });
  expect((await guarded.ask('/metrics')).status).toBe(401);
  const authorization = `Basic ${Buffer.from('prometheus:scrape').toString('base64')}`;
  const answer = await guarded.ask('/metrics', { headers: { authorization } });
  expect([answer.status, answer.headers.get('content-type')]).toEqual([
    200,
    expect.stringMatching(/^text\/plain; version=0\.0\.4/),
  ]);
});

test.each(['grafana-dashboard.json', 'prometheus-alerts.yml'])('ops/%s names only what there is', async (file) => {
  const text = readFileSync(new URL(`../../ops/${file}`, import.meta.url), 'utf8');
  const named = new Set(text.match(/\b(?:posthaste|nodejs|process)_[a-z0-9_]+/g));
  const { text: metrics } = await bench.ask('/metrics');
  const families = new Map(
    Array.from(metrics.matchAll(/^# TYPE (\S+) (\S+)$/gm), ([, name = '', type = '']) => [name, type]),
  );
  const known = new Set(
    [...families].flatMap(([name, type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  );
  expect(named.size).toBeGreaterThan(5);
  expect([...named].filter((name) => !known.has(name))).toEqual([]);
});

test('names and units are as Prometheus wants them', async () => {
  const { text } = await bench.ask('/metrics');
  const families = Array.from(text.matchAll(/^# TYPE (posthaste_\S+) (\S+)$/gm), ([, name = '', type = '']) => ({
    name,
    type,
  }));
  expect(families.length).toBeGreaterThan(12);
  for (const { name, type } of families) {
    expect(name.endsWith('_total'), name).toBe(type === 'counter');
    expect(name).not.toMatch(/_(?:ms|milliseconds|kb|percent)\b/);
  }
});
