/** Runs a server until a signal asks it to stop. */
import { constants } from 'node:os';
import type { Server } from './context.ts';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Resolves when it has stopped in order. A second signal ends the process at once, with nothing lost but the order. */
export async function runServer(server: Server): Promise<void> {
  const asked = signalled(server);
  try {
    await Promise.race([server.start(), asked]);
    await asked;
    await server.stop();
  } finally {
    await server.written();
    server.flush();
  }
}

/** What is sent to a process and to its group, as timeout(1) does, comes twice within this time, ms. */
const BURST = 500;

interface Heard {
  readonly signal: string;
  readonly at: number;
}

/** False for one that was heard already. */
export function isAnother(first: Heard, { signal, at }: Heard): boolean {
  return signal !== first.signal || at - first.at >= BURST;
}

function signalled(server: Server): Promise<void> {
  return new Promise((resolve) => {
    let first: Heard | undefined;
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        const heard = { signal, at: performance.now() };
        resolve();
        first ??= heard;
        if (first === heard || !isAnother(first, heard)) return;
        server.flush();
        process.exit(128 + constants.signals[signal]);
      });
    }
  });
}
