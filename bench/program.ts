/** What the programs of the benchmark have in common: numbers from the command line, and an end that leaves nothing running. */
import { killAll } from './processes.ts';

/** Throws with the name of the option. */
export function count(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`--${name} ${text}: give a whole number above 0`);
}

/** Whatever way this process ends, nothing of it stays: children are killed, then `cleanUp` runs. */
export async function run(main: () => Promise<void>, cleanUp: () => void = () => {}): Promise<void> {
  process.on('exit', () => {
    killAll();
    cleanUp();
  });
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
    ['SIGHUP', 1],
  ] as const) {
    process.on(signal, () => process.exit(128 + number));
  }
  try {
    await main();
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
