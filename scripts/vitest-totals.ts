/** A vitest reporter that ends the output with one plain line of totals, for people in a hurry and for programs. */
import { writeSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

/** A file that could not be loaded, a hook that failed and an error outside of every test count as failures too. */
function count(modules: readonly TestModule[], stray: readonly SerializedError[]): Totals {
  const totals: Totals = { passed: 0, failed: stray.length, skipped: 0 };
  for (const module of modules) {
    totals.failed += module.errors().length;
    for (const suite of module.children.allSuites()) totals.failed += suite.errors().length;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      totals[state === 'pending' ? 'skipped' : state]++;
    }
  }
  return totals;
}

export class TotalsReporter implements Reporter {
  #exitHooked = false;
  #totals: Totals = { passed: 0, failed: 0, skipped: 0 };

  /** Written when the process exits, because nothing may follow it. */
  onTestRunEnd(modules: readonly TestModule[], stray: readonly SerializedError[]): void {
    this.#totals = count(modules, stray);
    if (this.#exitHooked) return;
    this.#exitHooked = true;
    process.on('exit', () => {
      const { passed, failed, skipped } = this.#totals;
      writeSync(1, `${passed} passed, ${failed} failed, ${skipped} skipped\n`);
    });
  }
}
