/** Writes the pages of docs/ that are generated: `npm run docs`. */
import { writeFileSync } from 'node:fs';
import { documentSettings } from '../src/config/document.ts';

writeFileSync(new URL('../docs/configuration.md', import.meta.url), documentSettings());
process.stdout.write('wrote docs/configuration.md\n');
