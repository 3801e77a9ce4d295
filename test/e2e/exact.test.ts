/** Every octet between the way in and the way out. */
import { expect, test } from 'vitest';
import { startRelay } from '../relay/scripted.ts';
import { submitOne } from '../support/load.ts';
import { posthaste, serve, temporaryFolder } from '../support/posthaste.ts';

/** Runs one message through a real posthaste and answers with what the relay got behind the Received field. */
async function through(content: string): Promise<{ received: string; rest: string }> {
  using data = temporaryFolder();
  const relay = await startRelay();
  const server = serve({
    dataDir: data.path,
    relay: `smtp://127.0.0.1:${relay.port}`,
    flags: ['--hostname', 'queue.example.org'],
  });
  const { port } = await server.ready();
  expect(await submitOne(port, ['b@example.com'], content)).toMatch(/^250 2\.\d\.\d .*[0-9a-f-]{36}/);
  await relay.until(() => relay.received.length > 0);
  await server.stop();
  await relay.close();
  const text = relay.received[0]?.content.toString('utf8') ?? '';
  const end = /^Received: (?:[^\r]|\r\n[ \t])*\r\n/.exec(text)?.[0].length ?? 0;
  return { received: text.slice(0, end), rest: text.slice(end) };
}

const head = 'Date: Sun, 22 Nov 2026 00:00:00 +0000\r\nMessage-ID: <x@example.org>\r\n';

test.each([
  ['dots, tabs, trailing spaces and empty lines', `${head}X-Tab:\ta \r\n\r\n.\r\n..\r\n.a\r\n \r\n\r\nend \r\n`],
  ['8-bit text and a long line', `${head}Subject: caf\u00e9\r\n\r\n${'\u00fc'.repeat(2000)}\r\n`],
  ['odd but legal fields', `${head}subject:no space\r\nX-Folded: a\r\n\tb\r\n c\r\n__proto__: x\r\n\r\nbody\r\n`],
  ['a content without body', head],
])('%s are relayed as they came', async (_, content) => {
  const { received, rest } = await through(content);
  expect(rest).toBe(`${content}\r\n`);
  expect(received).toMatch(/by queue\.example\.org \(posthaste\) with ESMTP id [0-9a-f-]{36}/);
});

test('a missing Date and Message-ID are added, and a Bcc field is removed', async () => {
  const { rest } = await through(
    'Subject: x\r\nBcc: hidden@example.com,\r\n other@example.com\r\nTo: b@example.com\r\n\r\nbody',
  );
  expect(rest).toMatch(
    /^Subject: x\r\nTo: b@example\.com\r\nDate: [^\r]+ \+0000\r\nMessage-ID: <[0-9a-f-]{36}@queue\.example\.org>\r\n\r\nbody\r\n$/,
  );
});

test('without a relay mail is captured: kept whole, marked so, and never called sent', async () => {
  using data = temporaryFolder();
  const server = serve({ dataDir: data.path });
  const { port } = await server.ready();
  expect(server.lines[0]?.msg).toMatch(/capture mode.*--relay/);
  const id = /[0-9a-f-]{36}/.exec(await submitOne(port, ['b@example.com'], `${head}\r\nkept`))?.[0] ?? '';
  await server.line((line) => line.msg === 'captured');
  await server.stop();
  const listed = await posthaste(data.path, 'list', '--json', '--state', 'all');
  expect(JSON.parse(listed.stdout)).toMatchObject({ id, state: 'captured', messageId: '<x@example.org>' });
  const content = await posthaste(data.path, 'show', id, '--content');
  expect(content.stdout).toContain('\r\n\r\nkept\r\n');
});
