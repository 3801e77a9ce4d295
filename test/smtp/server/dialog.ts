/**
 * Reads dialogs: `C:` a line of the client, `S:` a line of the server, in order. A `C:` line gets CRLF; `C~` sends exactly its text.
 * `\r \n \0 \t \\ \xHH` are octets. An `S:` line that ends in `...` names only its beginning; `S: <close>` is the end of the connection.
 * `M: sender -> recipient, recipient` is the message that was kept since the last one, `|` the lines of its content behind the
 * Received field. `%` sets options of the session, `#` is a comment.
 */
import { readdirSync, readFileSync } from 'node:fs';

export type Step =
  | { readonly kind: 'client'; readonly bytes: Buffer; readonly line: number }
  | { readonly kind: 'server'; readonly expected: string; readonly line: number }
  | { readonly kind: 'message'; readonly envelope: string; readonly content: string[]; readonly line: number };

export interface Dialog {
  readonly name: string;
  /** `login=required local=no`, as a map. */
  readonly settings: ReadonlyMap<string, string>;
  readonly steps: readonly Step[];
}

const FOLDER = new URL('../dialogs/server/', import.meta.url);

export function readDialogs(): Dialog[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.dialog'));
  return names
    .sort()
    .map((name) => parseDialog(name.replace('.dialog', ''), readFileSync(new URL(name, FOLDER), 'utf8')));
}

function parseDialog(name: string, text: string): Dialog {
  const settings = new Map<string, string>();
  const steps: Step[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    const mark = line.slice(0, 2);
    const rest = line.slice(3);
    const at = { line: i + 1 };
    if (mark === 'C:') steps.push({ kind: 'client', bytes: octets(`${rest}\\r\\n`), ...at });
    else if (mark === 'C~') steps.push({ kind: 'client', bytes: octets(rest), ...at });
    else if (mark === 'S:') steps.push({ kind: 'server', expected: rest, ...at });
    else if (mark === 'M:') steps.push({ kind: 'message', envelope: rest, content: [], ...at });
    else if (mark[0] === '|') lastMessage(steps).push(line.slice(2));
    else if (mark[0] === '%')
      for (const pair of line.slice(2).split(' ')) settings.set(...(pair.split('=') as [string, string]));
    else if (mark !== '' && mark[0] !== '#') throw new Error(`${name}: line ${i + 1} is none of a dialog`);
  }
  return { name, settings, steps };
}

function lastMessage(steps: readonly Step[]): string[] {
  const last = steps.at(-1);
  if (last?.kind !== 'message') throw new Error('content without a message');
  return last.content;
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['r', '\r'],
  ['n', '\n'],
  ['t', '\t'],
  ['0', '\0'],
  ['\\', '\\'],
]);

function octets(text: string): Buffer {
  const parts = text.split(/(\\x[0-9a-f]{2}|\\.)/);
  return Buffer.concat(
    parts.map((part) => {
      if (part.startsWith('\\x')) return Buffer.from(part.slice(2), 'hex');
      return Buffer.from(part.startsWith('\\') ? (ESCAPES.get(part.slice(1)) ?? part) : part);
    }),
  );
}

/** True when a line of the server is what the dialog expects. */
export function fits(expected: string, line: string): boolean {
  return expected.endsWith('...') ? line.startsWith(expected.slice(0, -3)) : line === expected;
}
