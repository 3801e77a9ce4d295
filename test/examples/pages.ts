/** The command examples of README and docs: each fenced block under a line `<!-- example: name -->`. */
import { readdirSync, readFileSync } from 'node:fs';

export interface Example {
  readonly page: string;
  readonly name: string;
  /** The text of the block as it stands there. */
  readonly text: string;
}

const ROOT = new URL('../../', import.meta.url);
const BLOCK = /^<!-- example: (\S+) -->\n```\w*\n(.*?)^```$/gms;

export function readExamples(): Example[] {
  const pages = ['README.md', ...readdirSync(new URL('docs', ROOT)).map((name) => `docs/${name}`)];
  return pages.filter((page) => page.endsWith('.md')).flatMap(examplesOf);
}

function examplesOf(page: string): Example[] {
  const text = readFileSync(new URL(page, ROOT), 'utf8');
  return Array.from(text.matchAll(BLOCK), ([, name = '', block = '']) => ({ page, name, text: block }));
}

const FILE = /^<!-- file: (\S+) -->\n```\w*\n(.*?)^```$/gms;

/** The files of a program that a page shows whole: each fenced block under a line `<!-- file: path -->`. */
export function filesOf(page: string): { readonly path: string; readonly text: string }[] {
  const text = readFileSync(new URL(page, ROOT), 'utf8');
  return Array.from(text.matchAll(FILE), ([, path = '', block = '']) => ({ path, text: block }));
}
