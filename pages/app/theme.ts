/** Light, dark, or as the system has it: kept in the browser. */
import { useSyncExternalStore } from 'react';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const KEY = 'posthaste-theme';
const watchers = new Set<() => void>();

function read(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return THEMES.find((theme) => theme === kept) ?? 'system';
  } catch {
    // Browsers may forbid storage; then each visit begins as the system has it.
    return 'system';
  }
}

let theme = read();

export function applyTheme(): void {
  document.documentElement.dataset.theme = theme;
}

export function setTheme(wanted: Theme): void {
  theme = wanted;
  applyTheme();
  try {
    localStorage.setItem(KEY, wanted);
  } catch {
    // As above: it holds until the page is left.
  }
  for (const changed of watchers) changed();
}

function watch(changed: () => void): () => void {
  watchers.add(changed);
  return () => watchers.delete(changed);
}

export function useTheme(): Theme {
  return useSyncExternalStore(watch, () => theme);
}
