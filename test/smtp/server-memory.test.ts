/** Large contents stream through the listener: its memory does not grow with them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { SocketClient } from './server/harness.ts';

const ENVELOPE = 'EHLO c\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n\r\n';

/** Sends a message without ever having more of it in memory than one block, and returns the reply. */
async function sendLarge(port: number, blocks: number): Promise<string> {
  const client = await SocketClient.connect(port);
  client.write(ENVELOPE);
  for (let i = 0; i < blocks; i++) {
    if (!client.socket.write(BLOCK)) await once(client.socket, 'drain');
  }
  client.write('.\r\n');
  const reply = await client.until(/^(250 2\.0\.0 queued|[45]\d\d )/m);
  client.destroy();
  return reply;
}

const BLOCK = Buffer.alloc(100_000, `${'x'.repeat(998)}\r\n`);

test('a hundred clients that send 10 MB each at once take less than 300 MB in all', async () => {
  const file = fileURLToPath(new URL('./server/host.ts', import.meta.url));
  const host = spawn(process.execPath, [file], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: host.stdout })[Symbol.asyncIterator]();
  const port = Number((await lines.next()).value);
  const replies = await Promise.all(Array.from({ length: 100 }, () => sendLarge(port, 100)));
  for (const reply of replies) expect(reply).toMatch(/250 2\.0\.0 queued as/);
  host.stdin.end();
  const peak = Number((await lines.next()).value);
  expect(peak).toBeGreaterThan(0);
  expect(peak).toBeLessThan(300_000_000);
  await once(host, 'exit');
});
