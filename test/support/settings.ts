/** Settings as a configuration file gives them, with every check that needs no other part. */
import { standardChecks } from '../../src/config/checks.ts';
import { type Loaded, load, showComplaint } from '../../src/config/load.ts';
import type { SettingName } from '../../src/config/settings.ts';

export interface More {
  readonly environment?: Readonly<Record<string, string>>;
  readonly without?: readonly SettingName[];
}

function result(values: unknown, { environment = {}, without = [] }: More = {}): ReturnType<typeof load> {
  const facts = {
    cwd: '/work',
    hostname: 'box',
    home: '/home/ann',
    platform: 'linux' as const,
    root: false,
    environment,
  };
  const file = { path: '/etc/ph.ts', folder: '/etc', values };
  return load({ flags: {}, file, facts, secretFiles: new Map(), without }, standardChecks);
}

export function loaded(values: unknown, more?: More): Loaded {
  const given = result(values, more);
  if ('complaints' in given) throw new Error(given.complaints.map(showComplaint).join('\n'));
  return given.loaded;
}

export function complaints(values: unknown, more?: More): readonly string[] {
  const given = result(values, more);
  return 'complaints' in given ? given.complaints.map(showComplaint) : [];
}

export const ses = 'smtp://user:pass@ses.example:587';

export const at = (key: string, rest: string): string => `${key} (${key.split('.')[0]} in /etc/ph.ts) ${rest}`;
export const relay = (more: object): object => ({ relays: { ses: { url: ses, ...more } } });
