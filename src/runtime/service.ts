/** The one contract of everything that runs: started in order, stopped in reverse. */

export interface Service {
  start(): Promise<void>;
  /** May come twice, or before start. Finishes what is in hand or gives it back; then nothing of the service runs any more. */
  stop(): Promise<void>;
}

/** Starts each in turn; when one fails, stops those that run, in reverse, and throws that failure. */
export async function startAll(services: readonly Service[]): Promise<void> {
  for (const [i, service] of services.entries()) {
    try {
      await service.start();
    } catch (error) {
      await stopAll(services.slice(0, i + 1));
      throw error;
    }
  }
}

/** Stops in reverse order; every service is stopped even when an earlier one fails, whose error is then thrown. */
export async function stopAll(services: readonly Service[]): Promise<void> {
  const failures: unknown[] = [];
  for (const service of services.toReversed()) {
    try {
      await service.stop();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
