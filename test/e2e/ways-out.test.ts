/** Every way out that is no SMTP, from a configuration file, in a real process. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { submitOne } from '../support/load.ts';
import { posthaste, serve, temporaryFolder } from '../support/posthaste.ts';

const SENT = ['box', 'eml', 'pipe', 'plugin'];
const WAYS = [...SENT, 'none', 'kept'];

/** A relay for each way, and a route for the domain of the same name. */
function configure(folder: string): string {
  const file = join(folder, 'posthaste.config.mjs');
  writeFileSync(
    file,
    `import { appendFileSync } from 'node:fs';
    const plugin = {
      name: 'notes', version: '1',
      send(mail, done) {
        const input = mail.message.createReadStream();
        let text = '';
        input.on('data', (chunk) => { text += chunk; });
        input.on('end', () => { appendFileSync(${JSON.stringify(join(folder, 'plugin.txt'))}, text); done(null, { response: '250 noted' }); });
      },
    };
    export default {
      relays: {
        box: 'file:${folder}/box', eml: 'file:${folder}/eml?format=eml', none: 'null:', kept: 'capture:',
        pipe: { url: 'command:', command: ['/bin/sh', '-c', 'cat > "$0"', '${folder}/pipe.txt'] },
        plugin: { transport: plugin },
        lost: 'file:/proc/no-such-place/box',
      },
      defaultRelay: 'box',
      routes: ${JSON.stringify([...WAYS, 'lost'].map((relay) => ({ recipient: `@${relay}.example`, relay })))},
    };`,
  );
  return file;
}

function textsIn(folder: string): readonly string[] {
  return readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
}

test('mail goes into a Maildir, an .eml file, a command, a plugin of Nodemailer, nowhere, and stays where it was to be kept', async () => {
  using data = temporaryFolder();
  const flags = ['--config', configure(data.path)];
  const server = serve({ dataDir: data.path, flags });
  const { port } = await server.ready();
  for (const way of WAYS) await submitOne(port, [`b@${way}.example`], `Subject: by ${way}\r\n\r\nbody\r\n`);
  await server.atLeast(SENT.length, (line) => line.msg === 'sent');
  await server.atLeast(WAYS.length - SENT.length, (line) => line.msg === 'captured');
  expect(await server.stop()).toBe(0);
  expect(textsIn(join(data.path, 'box', 'new'))).toEqual([expect.stringContaining('Subject: by box')]);
  expect(textsIn(join(data.path, 'eml'))).toEqual([expect.stringContaining('Subject: by eml')]);
  for (const way of ['pipe', 'plugin'])
    expect(readFileSync(join(data.path, `${way}.txt`), 'utf8')).toContain(`Subject: by ${way}`);
  const listed = await posthaste(data.path, 'list', '--state', 'all', '--json', ...flags);
  const rows = listed.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { relay: string; state: string });
  expect(Object.fromEntries(rows.map(({ relay, state }) => [relay, state]))).toEqual({
    ...Object.fromEntries(WAYS.map((way) => [way, SENT.includes(way) ? 'sent' : 'captured'])),
  });
});

test.skipIf(!existsSync('/proc'))(
  'a folder that cannot be made defers its mail as a fault of the relay, and holds up no end',
  async () => {
    using data = temporaryFolder();
    const server = serve({ dataDir: data.path, flags: ['--config', configure(data.path)] });
    const { port } = await server.ready();
    await submitOne(port, ['b@lost.example'], 'Subject: lost\r\n\r\nbody\r\n');
    const fault = await server.line((line) => String(line.msg).startsWith('relay fault'));
    expect(fault).toMatchObject({
      relay: 'lost',
      reply: expect.stringContaining('/proc/no-such-place/box cannot be written'),
    });
    await submitOne(port, ['b@box.example'], 'Subject: well\r\n\r\nbody\r\n');
    await server.line((line) => line.msg === 'sent');
    await server.stop();
  },
);
