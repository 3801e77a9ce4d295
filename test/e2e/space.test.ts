/** Low disk space, said by everything that people and monitors ask. The disk stays as it is: more is demanded than any has. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { submitOne } from '../support/load.ts';
import { BIN, posthaste, run, serve, temporaryFolder } from '../support/posthaste.ts';
import { fill, smallDisk } from '../support/small-disk.ts';

const HUGE = ['--min-free-space', String(Number.MAX_SAFE_INTEGER)] as const;
const SAID =
  /the disk of the database has \d+ MB free, less than minFreeSpace \(\d+ MB\), as this command has it: a server with the same limit refuses new mail \(452 4\.3\.1\), and its own may differ/;

test('/readyz, status and check say that the disk has no room, and new mail is refused', async () => {
  using data = temporaryFolder();
  const server = serve({ dataDir: data.path, flags: ['--admin', '127.0.0.1:0', ...HUGE] });
  try {
    const { port, admin } = await server.ready();
    const ready = await fetch(`http://127.0.0.1:${admin}/readyz`);
    expect([ready.status, await ready.text()]).toEqual([503, 'not ready: disk space\n']);
    await expect(submitOne(port, ['b@example.com'], 'Subject: x\r\n\r\nx')).resolves.not.toMatch(/^250/);
    const environment = { POSTHASTE_MIN_FREE_SPACE: HUGE[1] };
    const status = await run(process.execPath, [BIN, 'status', '--data-dir', data.path], { environment });
    expect(status.stdout).toMatch(new RegExp(`^CRITICAL: ${SAID.source}`));
    expect(status.code).toBe(2);
    const check = await posthaste(data.path, 'check', ...HUGE);
    expect(check.stdout).toMatch(
      /FAIL +disk +.+ are free for the database; below .+ \(minFreeSpace\) new mail is refused/,
    );
    expect(check.code).toBe(1);
  } finally {
    await server.stop();
  }
});

test('status says that a disk without any room stops the sending too', async ({ skip }) => {
  using disk = smallDisk();
  if (disk === null) return skip();
  const server = serve({ dataDir: disk.path });
  try {
    await server.ready();
    fill(join(disk.path, 'filler'));
    const { code, stdout } = await posthaste(disk.path, 'status');
    expect(stdout).toMatch(new RegExp(`^CRITICAL: ${SAID.source}. It is too little to send mail either, .*make room`));
    expect(code).toBe(2);
  } finally {
    await server.stop();
  }
});

test('with room there is nothing to say', async () => {
  using data = temporaryFolder();
  const server = serve({ dataDir: data.path, flags: ['--admin', '127.0.0.1:0', '--min-free-space', '1'] });
  try {
    const { admin } = await server.ready();
    expect((await fetch(`http://127.0.0.1:${admin}/readyz`)).status).toBe(200);
    const check = await posthaste(data.path, 'check', '--min-free-space', '1');
    expect(check.stdout).toMatch(/ok +disk +.+ are free for the database/);
  } finally {
    await server.stop();
  }
});
