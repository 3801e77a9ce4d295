/** Reports of the built program, in a real process. */
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startRelay } from '../relay/scripted.ts';
import { submitOne } from '../support/load.ts';
import { serve, temporaryFolder } from '../support/posthaste.ts';

test('are signed with the key for the name of this host', async () => {
  using data = temporaryFolder();
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(join(data.path, 'key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const file = join(data.path, 'posthaste.config.json');
  const dkim = [{ domain: 'example.org', selector: 's1', keyFile: join(data.path, 'key.pem') }];
  writeFileSync(file, JSON.stringify({ hostname: 'queue.example.org', dkim }));
  const rcpt = (command: string) => (command.includes('b@') ? '550 5.1.1 nobody' : ({ kind: 'usual' } as const));
  const relay = await startRelay({ script: { rcpt } });
  const server = serve({
    dataDir: data.path,
    relay: `smtp://127.0.0.1:${relay.port}`,
    flags: ['--config', file],
  });
  const { port } = await server.ready();
  await submitOne(port, ['b@example.com'], 'Subject: x\r\n\r\nx');
  await server.line((line) => line.msg === 'sent');
  await server.stop();
  expect(relay.received.map(({ sender, recipients }) => [sender, recipients])).toEqual([['', ['a@example.org']]]);
  expect(relay.received[0]?.content.toString()).toMatch(/^DKIM-Signature: v=1;.*d=example\.org/s);
  await relay.close();
});
