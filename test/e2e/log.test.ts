/** The last lines of the log, of a process whose other threads are busy. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const OUTPUT = fileURLToPath(new URL('../../src/runtime/log-output.ts', import.meta.url));

test('what is logged last comes last, though what was before it is still being written', async () => {
  const program = `
    import { pbkdf2 } from 'node:crypto';
    import { openLog } from ${JSON.stringify(OUTPUT)};
    const log = await openLog({ level: 'info', format: 'json' });
    pbkdf2('x', 'x', 200_000, 64, 'sha512', () => undefined);
    log.info({}, 'stopping');
    log.info({}, 'stopped');
    await log.written();
    log.flush();
  `;
  // The one thread that writes has something else to do first.
  const env = { ...process.env, UV_THREADPOOL_SIZE: '1' };
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], { env });
  const said = stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { msg: string }).msg);
  expect(said).toEqual(['stopping', 'stopped']);
});
