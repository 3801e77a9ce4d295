/** What was captured: a line for each message with all its recipients, kept up to date. */
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { ListedRow } from '../../src/admin/answers.ts';
import { get } from '../api/client.ts';
import { useEvents } from '../api/events.ts';
import { useRefresh } from '../api/refresh.ts';

export const KEY = ['captured'];
const PAGE = 100;
/** Many may come at once: they are asked for together, ms. */
const GATHER = 200;

export interface Mail {
  readonly id: string;
  readonly subject: string | null;
  readonly sender: string | null;
  readonly recipients: readonly string[];
  readonly createdAt: number;
}

interface RowPage {
  readonly rows: readonly ListedRow[];
  readonly cursor: string | null;
}

/** `text`: what is looked for; empty: all. */
export function useInbox(text: string) {
  const query = useInfiniteQuery({
    queryKey: [...KEY, text],
    queryFn: ({ pageParam, signal }) =>
      get<RowPage>('/messages', { state: 'captured', text, limit: PAGE, cursor: pageParam }, signal),
    placeholderData: keepPreviousData,
    initialPageParam: '',
    getNextPageParam: ({ cursor }) => cursor,
  });
  useRefreshOnCapture();
  const mails = useMemo(() => mailsOf(query.data?.pages.flatMap(({ rows }) => rows) ?? []), [query.data]);
  const { error, isLoading, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = query;
  return { mails, error, isLoading, refetch, hasNextPage, fetchNextPage, isFetchingNextPage };
}

function useRefreshOnCapture(): void {
  const refresh = useRefresh(KEY, GATHER);
  useEvents(({ type }) => {
    if (type === 'captured' || type === 'cancelled' || type === 'submitted') refresh();
  });
}

/** The rows of one message stand together, but a page may end between them. */
function mailsOf(rows: readonly ListedRow[]): readonly Mail[] {
  return [...Map.groupBy(rows, ({ id }) => id).values()].flatMap((deliveries) => {
    const [first] = deliveries;
    if (first === undefined) return [];
    const { id, subject, sender, createdAt } = first;
    return [{ id, subject, sender, createdAt, recipients: deliveries.map(({ recipient }) => recipient) }];
  });
}
