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
    server.flush();
  }
}

function signalled(server: Server): Promise<void> {
  return new Promise((resolve) => {
    let count = 0;
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        resolve();
        if (++count < 2) return;
        server.flush();
        process.exit(128 + constants.signals[signal]);
      });
    }
  });
}
