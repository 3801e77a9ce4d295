/** A sendmail that is asked to end in the middle of a message takes back what it has kept of it. */
import type { Readable } from 'node:stream';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** How long taking it back may take, and a message that was whole already, ms. */
const PATIENCE = 2_000;

/** Breaks `input` off at a signal. What it returns ends the process by the signal that came, as whoever sent it expects; nothing came: it returns. */
export function breakOffAtSignals(input: Readable): () => void {
  let heard: NodeJS.Signals | undefined;
  const end = (): void => {
    if (heard === undefined) return;
    process.removeAllListeners(heard);
    process.kill(process.pid, heard);
  };
  // Nobody may be reading yet; whoever does hears of it too.
  input.on('error', () => undefined);
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (heard !== undefined) return;
      heard = signal;
      input.destroy(new Error(`ended by ${signal}`));
      setTimeout(end, PATIENCE).unref();
    });
  }
  return end;
}
