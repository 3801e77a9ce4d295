import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';
import { LongFirst } from './scripts/vitest-order.ts';
import { TotalsReporter } from './scripts/vitest-totals.ts';

// Hundreds of processes and threads load the same modules: they keep them compiled, and sources without their types. Its entries are
// named by content and version of Node.js, so that an old one is never taken.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('node_modules/.cache/posthaste-tests', import.meta.url));

/** Tests that change what the whole machine has, such as its network interfaces: browsers break off their requests at that moment. */
const ALONE = 'test/**/*.alone.test.ts';

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'all',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ALONE],
        },
      },
      // After all others, with nothing beside them.
      { extends: true, test: { name: 'alone', include: [ALONE], fileParallelism: false, sequence: { groupOrder: 1 } } },
    ],
    // By itself one less than there are cores: but tests wait for sockets, disks, clocks and processes more than half of their time.
    maxWorkers: 2 * availableParallelism(),
    sequence: { sequencer: LongFirst },
    // Only what hangs comes near it: ten times what the longest take, for machines that others use too.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // Threads of a store run from sources here, each with Node's type stripper in WebAssembly; V8 crashes now and then (SIGSEGV in
    // Runtime_TierUpWasmToJSWrapper) when one of them optimizes that while another ends. The built program has no such code.
    execArgv: ['--wasm-wrapper-tiering-budget=1000000000'],
    reporters: ['default', new TotalsReporter()],
  },
});
