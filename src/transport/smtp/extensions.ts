/** What a relay offers in its reply to EHLO (RFC 5321 4.1.1.1). */
import type { Reply } from '../../mail/reply.ts';

/** Parameters by keyword, both in upper case: `SIZE` -> `['52428800']`. */
export type Extensions = ReadonlyMap<string, readonly string[]>;

/** The first line greets; each further one is a keyword with parameters. `AUTH=LOGIN` is an old way to write `AUTH LOGIN`. */
export function parseExtensions(reply: Reply): Extensions {
  const extensions = new Map<string, readonly string[]>();
  for (const line of reply.text.split('\n').slice(1)) {
    const [keyword, ...parameters] = line
      .trim()
      .toUpperCase()
      .replace(/^AUTH=/, 'AUTH ')
      .split(/\s+/);
    if (!keyword) continue;
    extensions.set(keyword, [...new Set([...(extensions.get(keyword) ?? []), ...parameters])]);
  }
  return extensions;
}

/** The largest content the relay takes, octets; undefined: it sets no limit (RFC 1870 4). */
export function sizeLimit(extensions: Extensions): number | undefined {
  const limit = Number(extensions.get('SIZE')?.[0] ?? 0);
  return Number.isSafeInteger(limit) && limit > 0 ? limit : undefined;
}
