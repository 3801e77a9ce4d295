/** posthaste as a contender: the built program as a process of its own, started as people start it. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Contender, type Running, type Setting, START_MS } from './contender.ts';
import { end, runToEnd, start } from './processes.ts';
import { freePort, untilReady } from './smtp.ts';

const BIN = fileURLToPath(new URL('../bin/posthaste.js', import.meta.url));
const PACKAGE = new URL('../package.json', import.meta.url);

export const posthaste: Contender = {
  name: 'posthaste',
  version: () => `posthaste ${JSON.parse(readFileSync(PACKAGE, 'utf8')).version}, Node.js ${process.version}`,
  async start(setting) {
    command(setting, ['migrate']);
    if (setting.held) command(setting, ['pause', '--all']);
    return run(setting, await freePort());
  },
};

async function run(setting: Setting, port: number): Promise<Running> {
  const child = serve(setting, port);
  let said = '';
  child.stderr?.on('data', (bytes: Buffer) => {
    said = (said + bytes.toString()).slice(-4000);
  });
  child.stdout?.resume();
  try {
    await untilReady(port, START_MS);
  } catch (error) {
    await end(child);
    throw new Error(`posthaste did not start: ${said}`, { cause: error });
  }
  return {
    port,
    pid: child.pid ?? 0,
    stop: () => end(child),
    async restartOpen() {
      await end(child);
      command(setting, ['resume', '--all']);
      return run({ ...setting, held: false }, port);
    },
  };
}

function serve(setting: Setting, port: number): ChildProcess {
  return start(process.execPath, [BIN, 'serve', '--listen', `127.0.0.1:${port}`], { env: environment(setting) });
}

function command(setting: Setting, args: readonly string[]): void {
  runToEnd(process.execPath, [BIN, ...args], environment(setting));
}

/** The same settings for the server and for the commands beside it. */
function environment({ folder, relayPort }: Setting): NodeJS.ProcessEnv {
  return {
    ...process.env,
    POSTHASTE_DATA_DIR: folder,
    POSTHASTE_RELAY: `smtp://127.0.0.1:${relayPort}`,
    POSTHASTE_ADMIN: 'off',
    POSTHASTE_LOG_LEVEL: 'warn',
  };
}
