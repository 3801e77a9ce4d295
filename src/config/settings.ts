/** Every setting, once: its name, kind, default and sentence. Flags, variables, help and documentation are derived from here. */
import type { Setting } from './setting.ts';
import { program } from './settings/program.ts';
import { waysIn } from './settings/ways-in.ts';
import { waysOut } from './settings/ways-out.ts';

/** In the order in which a default may look at what stands above it. */
export const settings = { ...waysIn, ...waysOut, ...program } as const;

export type SettingName = keyof typeof settings;
type ValueOf<S> = S extends Setting<infer T, infer _> ? T : never;
type WrittenOf<S> = S extends Setting<infer _, infer I> ? I : never;

/** The effective value of every setting. Durations in milliseconds, sizes in octets, paths absolute, null for `none`, `off`, `never` and `forever`. */
export type Config = { readonly [Name in SettingName]: ValueOf<(typeof settings)[Name]> };

/** What a configuration file may hold. */
export type PosthasteConfig = { readonly [Name in SettingName]?: WrittenOf<(typeof settings)[Name]> | undefined };

export const settingNames = Object.keys(settings) as readonly SettingName[];

/** A setting without regard to the type of its value. */
export function settingOf(name: SettingName): Setting<unknown> {
  return settings[name] as Setting<unknown>;
}

/** `maxMessageSize` -> `--max-message-size`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `maxMessageSize` -> `POSTHASTE_MAX_MESSAGE_SIZE`. */
export function variableOf(name: string): string {
  return `POSTHASTE_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** A value as it may be shown to anybody. */
export function showValue(name: SettingName, value: unknown): string {
  return settingOf(name).kind.show(value);
}
