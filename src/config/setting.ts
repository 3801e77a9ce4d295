/** What a setting is: its group, kind, default and sentence. */
import type { Kind } from './kinds.ts';

/** What defaults may depend on: the process and the machine. */
export interface Facts {
  readonly cwd: string;
  readonly hostname: string;
  readonly home: string;
  readonly platform: NodeJS.Platform;
  /** The process runs as root. */
  readonly root: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export type Group =
  | 'Storage'
  | 'Application'
  | 'Listener'
  | 'Limits'
  | 'Sendmail'
  | 'Relay'
  | 'Retry'
  | 'Pace'
  | 'Safety'
  | 'Retention'
  | 'Webhooks'
  | 'Hooks'
  | 'Program';

/** What a default may look at beside the machine. */
export interface Others {
  /** The values of the settings that stand above this one. */
  readonly before: (name: string) => unknown;
  /** Whether a setting is given anywhere, also one that this command does not read. */
  readonly given: (name: string) => boolean;
}

export interface Setting<T, I = unknown> {
  readonly group: Group;
  readonly kind: Kind<T, I>;
  /** A value, or a function that computes it. */
  readonly standard: NoInfer<T | ((facts: Facts, others: Others) => T)>;
  /** The default in words, where it is computed. */
  readonly standardText?: string;
  /** One sentence. */
  readonly sentence: string;
  /** Never shown whole, and may come from a file: `POSTHASTE_RELAY_FILE`. */
  readonly secret?: true;
  /** Stands in a configuration file only: it has parts, or is a function. */
  readonly fileOnly?: true;
}

export function setting<T, I>(definition: Setting<T, I>): Setting<T, I> {
  return definition;
}

/** Milliseconds, for defaults. */
export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
