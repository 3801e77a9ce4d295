import { defineConfig } from 'vitest/config';
import { TotalsReporter } from './scripts/vitest-totals.ts';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Threads of a store run from sources here, each with Node's type stripper in WebAssembly; V8 crashes now and then (SIGSEGV in
    // Runtime_TierUpWasmToJSWrapper) when one of them optimizes that while another ends. The built program has no such code.
    execArgv: ['--wasm-wrapper-tiering-budget=1000000000'],
    reporters: ['default', new TotalsReporter()],
  },
});
