import { defineConfig } from 'vitest/config';
import { TotalsReporter } from './scripts/vitest-totals.ts';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default', new TotalsReporter()],
  },
});
