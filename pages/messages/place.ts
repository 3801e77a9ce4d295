/** Where somebody was in the list: so that the way back from a message leads there, and the way on to the next one. */
import type { Filter } from './filter.ts';

let filter: Filter = {};
let key: string | null = null;

export function remember(lastFilter: Filter, lastKey: string | null): void {
  filter = lastFilter;
  key = lastKey;
}

export function lastPlace(): { readonly filter: Filter; readonly key: string | null } {
  return { filter, key };
}
