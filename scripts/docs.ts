/** `npm run docs`: writes the pages that are derived from the sources. A test fails while one of them is out of date. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { documentSettings } from '../src/config/document.ts';
import { documentApi } from './api.ts';

const PAGES: Readonly<Record<string, () => string>> = {
  'docs/api.md': documentApi,
  'docs/configuration.md': documentSettings,
};

for (const [path, write] of Object.entries(PAGES)) {
  const file = new URL(`../${path}`, import.meta.url);
  const fresh = write();
  const changed = !existsSync(file) || readFileSync(file, 'utf8') !== fresh;
  if (changed) writeFileSync(file, fresh);
  process.stdout.write(`${path}: ${changed ? 'written' : 'up to date'}\n`);
}
