/** The pages as files that run below any path: `npm run build` puts them into dist/pages. */
import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  build: {
    target: 'es2023',
    // With light-dark().
    cssTarget: ['chrome123', 'safari17.5', 'firefox120'],
    // The content policy lets nothing be part of the document itself.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // Of the packages that the built files contain: their licences ask to be passed on with them.
    license: { fileName: 'licenses.md' },
    rolldownOptions: {
      // `use client` is for servers that render, of which there is none.
      onLog: (level, log, tell) => (log.code === 'MODULE_LEVEL_DIRECTIVE' ? undefined : tell(level, log)),
    },
    chunkSizeWarningLimit: 1_000,
  },
});
