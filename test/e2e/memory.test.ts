/** Contents stream: a hundred large ones at once do not fit into the memory that posthaste takes. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { run, serve, temporaryFolder } from '../support/posthaste.ts';
import { freePort, installed } from '../support/smtp-sink.ts';

const ready = installed('smtp-source', '-h') && existsSync('/proc/self/status');

/** The most that the process ever had in memory, MB. */
function peakMemory(pid: number): number {
  const line = /^VmHWM:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1]) / 1000;
}

describe.skipIf(!ready)('100 clients that send 4 MB each at once', () => {
  test('are all accepted within 300 MB of memory', { timeout: 240_000 }, async () => {
    using data = temporaryFolder();
    const relay = `smtp://127.0.0.1:${await freePort()}`;
    const server = serve({ dataDir: data.path, relay });
    const { port } = await server.ready();
    const size = ['-l', String(4 * 1024 * 1024)];
    const sent = await run('smtp-source', [
      '-s',
      '100',
      '-m',
      '100',
      ...size,
      '-f',
      'a@example.org',
      '-t',
      'b@example.com',
      `127.0.0.1:${port}`,
    ]);
    expect(sent.code, sent.stderr).toBe(0);
    await server.atLeast(100, (line) => line.msg === 'accepted');
    const peak = peakMemory(server.pid);
    await server.stop();
    expect(peak).toBeLessThan(300);
  });
});
