/** Which messages are selected: by their ids, so that all recipients of one go together, or all that the filter finds. */
import { useRef, useState } from 'react';
import type { ListedRow } from '../../src/admin/answers.ts';
import type { Chosen } from './actions.ts';
import type { Filter } from './filter.ts';
import { keyOf } from './rows.ts';

const NONE: ReadonlySet<string> = new Set();

export interface Selection {
  readonly ids: ReadonlySet<string>;
  readonly isAll: boolean;
  /** The row that the keys are at. */
  readonly active: number;
  has(id: string): boolean;
  /** Moves there; `extends`: selects all on the way. */
  moveTo(index: number, extend?: boolean): void;
  toggle(index: number, extend?: boolean): void;
  /** All that is loaded, or nothing. */
  toggleAll(): void;
  /** All that the filter finds, loaded or not. */
  selectEverything(): void;
  clear(): void;
  /** What an action is for: the selection, or else the row that the keys are at; null: there is nothing. */
  chosen(filter: Filter): Chosen | null;
}

/** Stays with its row when new ones push it down: a key must not act on what has just come in its place. */
function useActive(rows: readonly ListedRow[]) {
  const [key, setKey] = useState('');
  const last = useRef(0);
  const placeOf = (wanted: string): number => rows.findIndex((row) => keyOf(row) === wanted);
  const found = placeOf(key);
  const active = found >= 0 ? found : Math.max(0, Math.min(last.current, rows.length - 1));
  last.current = active;
  const keyAt = (index: number): string => (rows[index] === undefined ? '' : keyOf(rows[index]));
  if (found < 0 && keyAt(active) !== key) setKey(keyAt(active));
  return { active, placeOf, keyAt, setActive: (index: number) => setKey(keyAt(index)) };
}

export function useSelection(rows: readonly ListedRow[]): Selection {
  const [ids, setIds] = useState(NONE);
  const [isAll, setAll] = useState(false);
  const { active, placeOf, keyAt, setActive } = useActive(rows);
  const anchor = useRef<string | null>(null);
  const anchorAt = (): number => (anchor.current === null ? -1 : placeOf(anchor.current));
  const between = (from: number, to: number): string[] =>
    rows.slice(Math.min(from, to), Math.max(from, to) + 1).map(({ id }) => id);
  const select = (wanted: Iterable<string>): void => {
    setAll(false);
    setIds(new Set(wanted));
  };
  return {
    ids,
    isAll,
    active,
    has: (id) => isAll || ids.has(id),
    moveTo(index, extend = false) {
      const to = Math.max(0, Math.min(index, rows.length - 1));
      setActive(to);
      // What nobody moved to is where the first key was pressed.
      if (extend) select([...ids, ...between(anchorAt() < 0 ? active : anchorAt(), to)]);
      else anchor.current = keyAt(to);
    },
    toggle(index, extend = false) {
      const id = rows[index]?.id;
      if (id === undefined) return;
      setActive(index);
      if (extend) return select([...ids, ...between(anchorAt() < 0 ? active : anchorAt(), index)]);
      anchor.current = keyAt(index);
      select(ids.has(id) ? [...ids].filter((each) => each !== id) : [...ids, id]);
    },
    toggleAll: () => select(ids.size > 0 || isAll ? [] : rows.map(({ id }) => id)),
    selectEverything: () => setAll(true),
    clear: () => select([]),
    chosen(filter) {
      if (isAll) return { filter };
      if (ids.size > 0) return { ids: [...ids] };
      const id = rows[active]?.id;
      return id === undefined ? null : { ids: [id] };
    },
  };
}
