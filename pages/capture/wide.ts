/** Whether there is room for two panes; the same width stands in capture.css. */
import { useSyncExternalStore } from 'react';

const query = matchMedia('(min-width: 1000px)');

function watch(changed: () => void): () => void {
  query.addEventListener('change', changed);
  return () => query.removeEventListener('change', changed);
}

export function useIsWide(): boolean {
  return useSyncExternalStore(watch, () => query.matches);
}
