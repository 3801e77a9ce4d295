/** How alerts reach people: a webhook, or a command. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AlertNotice, Teller } from './alarm.ts';

/** Longer is a failure, ms. */
const PATIENCE = 10_000;

/** POST in JSON; any answer of 2xx is one. */
export function webhook(url: string): Teller {
  return async (notice) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(notice),
      signal: AbortSignal.timeout(PATIENCE),
      redirect: 'error',
    });
    await response.body?.cancel();
    // The URL may have a token in it, and stays out of the log.
    if (!response.ok) throw new Error(`the webhook answered ${response.status}`);
  };
}

/** A program without arguments and without a shell: the notice comes as JSON on its standard input, and in its environment. */
export function command(path: string): Teller {
  return async (notice) => {
    const child = spawn(path, {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { ...process.env, ...environment(notice) },
      timeout: PATIENCE,
      killSignal: 'SIGKILL',
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(JSON.stringify(notice));
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    if (code !== 0) throw new Error(`the command ended with ${code ?? signal}`);
  };
}

function environment({ name, text, state }: AlertNotice): Readonly<Record<string, string>> {
  return { POSTHASTE_ALERT: name, POSTHASTE_ALERT_STATE: state, POSTHASTE_ALERT_TEXT: text };
}
