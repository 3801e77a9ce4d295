/** The rows of the list: loaded page by page, kept up to date by what happens, new ones on top. */
import {
  type InfiniteData,
  infiniteQueryOptions,
  type QueryClient,
  queryOptions,
  useInfiniteQuery,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { ListedRow, State } from '../../src/admin/answers.ts';
import { get } from '../api/client.ts';
import { useEvents } from '../api/events.ts';
import { conditionsOf, type Filter, isSearch } from './filter.ts';

const PAGE = 200;
/** What happens is drawn that often, and what is new looked for, ms. */
const DRAW = 250;
const LOOK = 1_500;

interface RowPage {
  readonly rows: readonly ListedRow[];
  readonly cursor: string | null;
}
type Rows = InfiniteData<RowPage, string | null>;

export const keyOf = ({ id, ordinal }: Pick<ListedRow, 'id' | 'ordinal'>): string => `${id}:${ordinal}`;

const rowsKey = (filter: Filter) => ['messages', filter] as const;

function ask(filter: Filter, cursor: string | null, signal?: AbortSignal): Promise<RowPage> {
  return get<RowPage>('/messages', { ...filter, limit: PAGE, cursor }, signal);
}

function rowsQuery(filter: Filter) {
  return infiniteQueryOptions({
    queryKey: rowsKey(filter),
    queryFn: ({ pageParam, signal }) => ask(filter, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.cursor,
    // What was loaded is kept up to date by itself; asking for all pages again would take as long as reading them did.
    staleTime: Number.POSITIVE_INFINITY,
  });
}

function countQuery(filter: Filter) {
  const conditions = conditionsOf(filter);
  return queryOptions({
    queryKey: ['count', conditions],
    queryFn: ({ signal }) => get<{ readonly count: number }>('/messages/count', conditions, signal),
    enabled: !isSearch(filter),
  });
}

/** Asks for what a list begins with. */
export function beginRows(client: QueryClient, filter: Filter): void {
  void client.prefetchInfiniteQuery(rowsQuery(filter));
  if (!isSearch(filter)) void client.prefetchQuery(countQuery(filter));
}

export function useRows(filter: Filter) {
  const query = useInfiniteQuery(rowsQuery(filter));
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.rows) ?? [], [query.data]);
  const searchedTo = query.data?.pages.at(-1)?.cursor ?? null;
  return { ...query, rows, searchedTo };
}

/** null where only the end of the search will tell. */
export function useTotal(filter: Filter): number | null {
  const { data } = useQuery({ ...countQuery(filter), refetchInterval: 15_000 });
  return data?.count ?? null;
}

/** The rows that are in the cache for a filter: for the way from one message to the next. */
export function cachedRows(client: QueryClient, filter: Filter): readonly ListedRow[] {
  return client.getQueryData<Rows>(rowsKey(filter))?.pages.flatMap((page) => page.rows) ?? [];
}

function changeRows(client: QueryClient, filter: Filter, change: (row: ListedRow) => ListedRow): void {
  client.setQueryData<Rows>(rowsKey(filter), (data) => {
    if (data === undefined) return undefined;
    const pages = data.pages.map((page) => {
      const rows = page.rows.map(change);
      return rows.some((row, i) => row !== page.rows[i]) ? { ...page, rows } : page;
    });
    return { ...data, pages };
  });
}

const AFTER: Readonly<Record<string, { readonly from: readonly State[]; readonly to: State }>> = {
  hold: { from: ['queued'], to: 'held' },
  release: { from: ['held'], to: 'queued' },
  retry: { from: ['queued', 'captured', 'bounced', 'cancelled'], to: 'queued' },
  cancel: { from: ['queued', 'held', 'captured'], to: 'cancelled' },
};

/** Shows at once what an action did; what really is comes behind it. */
export function markRows(client: QueryClient, filter: Filter, action: string, ids: ReadonlySet<string>): void {
  const after = AFTER[action];
  if (after === undefined) return;
  changeRows(client, filter, (row) => {
    if (!ids.has(row.id) || !after.from.includes(row.state)) return row;
    const reason = after.to === 'held' ? ('operator' as const) : null;
    return {
      ...row,
      state: after.to,
      reason,
      nextAt: null,
      waitsFor: null,
      inDoubt: row.inDoubt && action !== 'retry',
    };
  });
}

/** Applies what happens to rows that are there, and brings new ones; `isAtTop`: they may push the others down. */
export function useLiveRows(
  filter: Filter,
  isAtTop: () => boolean,
): { readonly fresh: number; readonly showFresh: () => void } {
  const client = useQueryClient();
  const changed = useRef(new Map<string, ListedRow>());
  const [waiting, setWaiting] = useState<readonly ListedRow[]>([]);
  const drawAt = useRef<number | undefined>(undefined);
  const lookAt = useRef<number | undefined>(undefined);

  const draw = (): void => {
    drawAt.current = undefined;
    const rows = changed.current;
    changed.current = new Map();
    changeRows(client, filter, (row) => rows.get(keyOf(row)) ?? row);
  };
  const put = (rows: readonly ListedRow[]): void => {
    setWaiting([]);
    client.setQueryData<Rows>(rowsKey(filter), (data) => {
      const [first, ...others] = data?.pages ?? [];
      if (data === undefined || first === undefined) return data;
      return { ...data, pages: [{ ...first, rows: [...rows, ...first.rows] }, ...others] };
    });
  };
  const look = async (): Promise<void> => {
    const before = cachedRows(client, filter)[0];
    const { rows } = await ask(filter, null).catch(() => ({ rows: [] }));
    const known = before === undefined ? rows.length : rows.findIndex((row) => keyOf(row) === keyOf(before));
    lookAt.current = undefined;
    // More of them than a page: the list begins anew.
    if (known < 0) return isAtTop() ? void client.resetQueries({ queryKey: rowsKey(filter) }) : setWaiting(rows);
    const fresh = rows.slice(0, known);
    if (fresh.length === 0) return;
    if (isAtTop()) put(fresh);
    else setWaiting(fresh);
  };
  useEvents((event) => {
    if (event.type === 'relay') return;
    changed.current.set(keyOf(event.delivery), event.delivery);
    drawAt.current ??= setTimeout(draw, DRAW) as unknown as number;
    if (filter.order === 'oldest') return;
    if (event.type === 'submitted' || filter.state !== undefined)
      lookAt.current ??= setTimeout(() => void look(), LOOK) as unknown as number;
  });
  useEffect(
    () => () => {
      clearTimeout(drawAt.current);
      clearTimeout(lookAt.current);
    },
    [],
  );
  const isAll = waiting.length === PAGE;
  const showFresh = (): void => {
    setWaiting([]);
    if (isAll) void client.resetQueries({ queryKey: rowsKey(filter) });
    else put(waiting);
  };
  return { fresh: waiting.length, showFresh };
}
