/** posthaste as its own relay, where no setting shows it: found by its own Received field. */

import { writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { startRelay } from '../relay/scripted.ts';
import { submitOne } from '../support/load.ts';
import { posthaste, serve, temporaryFolder } from '../support/posthaste.ts';

/** A port that leads to another one, which is told later. */
async function forwarder(): Promise<{ port: number; to: (port: number) => void } & AsyncDisposable> {
  let target = 0;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    for (const socket of [near, far]) sockets.add(socket.on('error', () => undefined));
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { port, to: (port) => (target = port), [Symbol.asyncDispose]: close };
}

test('a relay that leads back is found at the first round: the message bounces, and the log names both settings', async () => {
  using data = temporaryFolder();
  await using way = await forwarder();
  const server = serve({ dataDir: data.path, relay: `smtp://127.0.0.1:${way.port}` });
  const { port } = await server.ready();
  way.to(port);
  await submitOne(port, ['bob@example.org'], 'Subject: round\r\n\r\nand round');
  const bounced = await server.line((line) => line.msg === 'bounced' && line.to === 'bob@example.org');
  expect(bounced.reply).toMatch(/^554 5\.4\.6 .* relay leads back to it/);
  expect(server.lines.find(({ msg }) => msg.startsWith('mail loop'))).toMatchObject({
    ...{ level: 50, relay: 'default', ids: [bounced.id] },
    msg: 'mail loop: the relay leads back here, look at the settings relay and listen',
  });
  // The report to the sender goes the same way: it bears no trace yet, so that it comes round once, and is then not reported again.
  await server.atLeast(2, (line) => line.msg === 'bounced');
  await server.stop();
  const listed = (await posthaste(data.path, 'list', '--state', 'all', '--json')).stdout.trim().split('\n');
  const found = listed.map((line) => JSON.parse(line) as { state: string; sender: string | null });
  expect(found.map(({ state, sender }) => `${state} from ${sender ?? '<>'}`).toSorted()).toEqual([
    'bounced from <>',
    'bounced from a@example.org',
    'sent from <>',
  ]);
});

test('mail that passes a filter and comes back for another relay is no loop', async () => {
  using data = temporaryFolder();
  await using way = await forwarder();
  const out = await startRelay();
  const file = `${data.path}/posthaste.config.json`;
  const relays = { filter: `smtp://127.0.0.1:${way.port}`, out: `smtp://127.0.0.1:${out.port}` };
  // The filter would set the header field; here the message has it for its way back only.
  const routes = [{ recipient: '@filtered.example', relay: 'filter' }];
  writeFileSync(file, JSON.stringify({ relays, defaultRelay: 'out', routes }));
  const server = serve({ dataDir: data.path, flags: ['--config', file] });
  const { port } = await server.ready();
  way.to(out.port);
  await submitOne(port, ['bob@filtered.example'], 'Subject: x\r\n\r\nx');
  await server.line((line) => line.msg === 'sent');
  const back = out.received[0]?.content.toString() ?? '';
  await submitOne(port, ['bob@example.org'], back);
  await server.atLeast(2, (line) => line.msg === 'sent');
  // And so is mail that somebody sends again to whom it went before.
  await submitOne(port, ['bob@example.org'], back);
  await server.atLeast(3, (line) => line.msg === 'sent');
  expect(out.received).toHaveLength(3);
  await server.stop();
  await out.close();
});
