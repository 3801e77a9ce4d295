/** The effective settings as people and programs may see them: each with where it came from, its secrets masked. */
import type { Loaded, Origin } from './load.ts';
import type { Group } from './setting.ts';
import { type SettingName, settingNames, settingOf } from './settings.ts';
import { plainView, shownParts } from './structured.ts';

/** One effective setting. */
export interface SettingView {
  readonly name: SettingName;
  readonly group: Group;
  readonly sentence: string;
  readonly secret: boolean;
  readonly from: Origin;
  /** Plain: milliseconds, octets, null; what is secret as it is shown to people. */
  readonly value: unknown;
  /** As a person would write it. A setting with parts has one for each of them, as `relays.ses.rate`; none where it is empty. */
  readonly parts: readonly SettingPart[];
}

export interface SettingPart {
  readonly name: string;
  readonly shown: string;
}

export function settingView(name: SettingName, { config, origins }: Pick<Loaded, 'config' | 'origins'>): SettingView {
  const { group, sentence, secret, kind } = settingOf(name);
  const value = config[name];
  const parts = shownParts(kind, value as unknown).map(([path, shown]) => ({ name: [name, ...path].join('.'), shown }));
  return { name, group, sentence, secret: secret === true, from: origins[name], value: plain(name, value), parts };
}

/** Those that the process acts by: it has read no others. */
export function settingViews(loaded: Loaded): readonly SettingView[] {
  return settingNames.filter((name) => !loaded.unused.has(name)).map((name) => settingView(name, loaded));
}

function plain(name: SettingName, value: unknown): unknown {
  const { kind, secret } = settingOf(name);
  if (kind.view !== undefined) return plainView(kind, value);
  if (typeof value === 'function') return kind.show(value);
  return secret && value !== null ? kind.show(value) : value;
}
