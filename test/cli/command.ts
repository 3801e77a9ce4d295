/** Runs commands on a folder of their own: as processes of their own, or in this one where only their effect matters. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildProgram } from '../../src/cli/commands.ts';
import { Cli } from '../../src/cli/context.ts';
import { program } from '../../src/cli/program.ts';
import { Terminal } from '../../src/cli/terminal.ts';
import { BIN, type Ran, run } from '../support/posthaste.ts';

/** A command in this process. Its failure is thrown. */
export async function perform(terminal: Terminal, folder: Folder, ...[name = '', ...rest]: string[]): Promise<void> {
  const args = ['node', 'posthaste', name, '--data-dir', `${folder.path}/posthaste`, ...rest];
  await buildProgram(new Cli(program, terminal)).parseAsync(args);
}

/** Keeps what is written. */
class Paper extends Terminal {
  text = '';

  override async write(data: string | Uint8Array): Promise<void> {
    this.text += Buffer.from(data).toString();
  }
}

export interface RunOptions {
  readonly input?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export class Folder implements Disposable {
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), 'posthaste-cli-')));

  /** The command line, with its data in this folder. */
  run(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const environment = { XDG_STATE_HOME: this.path, ...options.environment };
    return run(process.execPath, [BIN, ...args], { cwd: this.path, input: options.input ?? '', environment });
  }

  /** Of a command that succeeds and says nothing on standard error: its output without the last line break. */
  async out(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args);
    if (code !== 0 || stderr !== '')
      throw new Error(`posthaste ${args.join(' ')} ended with ${code}: ${stderr}${stdout}`);
    return stdout.trimEnd();
  }

  /** What a command writes for people, without a process. */
  async say(...args: string[]): Promise<string> {
    const paper = new Paper();
    await perform(paper, this, ...args);
    return paper.text.trimEnd();
  }

  /** What a command writes as JSON lines, without a process. */
  async json(...args: string[]): Promise<Record<string, unknown>[]> {
    const text = await this.say(...args, '--json');
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** Submits a message, without a process, and answers with its id. */
  send(to: string, ...more: string[]): Promise<string> {
    return this.say('send', '--from', 'ann@example.com', '--to', to, '--text', 'hello', ...more);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

export interface Refuser extends AsyncDisposable {
  readonly url: string;
}

/** A relay that refuses every recipient, in words that try to steer a terminal. */
export async function refuser(): Promise<Refuser> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write('220 relay.test\r\n');
    let rest = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      const lines = (rest + text).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) socket.write(answer(line));
    });
    socket.on('end', () => socket.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
  return { url: `smtp://127.0.0.1:${port}`, [Symbol.asyncDispose]: close };
}

function answer(line: string): string {
  if (/^EHLO/i.test(line)) return '250-relay.test\r\n250 ENHANCEDSTATUSCODES\r\n';
  if (/^RCPT/i.test(line)) return '550 5.1.1 nobody \x1b[31mhere\r\n';
  if (/^DATA/i.test(line)) return '503 5.5.1 no recipients\r\n';
  return /^QUIT/i.test(line) ? '221 bye\r\n' : '250 2.0.0 ok\r\n';
}
