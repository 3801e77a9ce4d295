/** The worst night: the relay is down, posthaste is killed, and nothing is lost. */
import { describe, expect, test } from 'vitest';
import { posthaste, run, serve, temporaryFolder } from '../support/posthaste.ts';
import { freePort, installed, SmtpSink } from '../support/smtp-sink.ts';

const ready = [installed('smtp-sink', '-h'), installed('swaks')].every(Boolean);

describe.skipIf(!ready)('while the relay is down', () => {
  test('mail is taken, survives kill -9, and arrives once when the relay is back', async () => {
    using data = temporaryFolder();
    const relayPort = await freePort();
    const relay = `smtp://127.0.0.1:${relayPort}`;
    const first = serve({ dataDir: data.path, relay });
    const { port } = await first.ready();
    const sent = await run('swaks', [
      '--server',
      `127.0.0.1:${port}`,
      '--from',
      'a@example.org',
      '--to',
      'b@example.com',
      '--header',
      'Subject: worst night',
    ]);
    expect(sent.code, sent.stdout).toBe(0);
    await first.line((line) => line.msg === 'deferred');
    await first.kill();

    const sink = await SmtpSink.start(data.path, 100, relayPort);
    const second = serve({ dataDir: data.path, relay });
    try {
      const line = await second.line((each) => each.msg === 'sent');
      expect(line).toMatchObject({ from: 'a@example.org', to: 'b@example.com', attempts: 1 });
      const listed = await posthaste(data.path, 'list', '--json', '--state', 'all');
      expect(JSON.parse(listed.stdout)).toMatchObject({ state: 'sent', recipient: 'b@example.com', attempts: 1 });
      await sink.stop();
      const kept = await sink.messages();
      expect(kept).toHaveLength(1);
      expect(kept[0]).toContain('Subject: worst night');
    } finally {
      await second.stop();
      await sink.stop();
    }
  });
});
