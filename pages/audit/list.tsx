/** The trail, newest first, page by page. */
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import type { AuditAnswer } from '../../src/admin/answers.ts';
import { get } from '../api/client.ts';
import { Badge } from '../design/badge.tsx';
import { Button } from '../design/button.tsx';
import { Empty, ErrorState, Skeleton } from '../design/states.tsx';
import { Moment } from '../format/moment.tsx';
import { formatNumber } from '../format/number.ts';
import { wordsOf } from './words.ts';
import '../design/stacking.css';

type Deed = AuditAnswer['rows'][number];

/** What somebody else does shows after this, ms: changes are no events of the stream. */
const REFRESH = 15_000;

export function List({ action, by }: { readonly action: string; readonly by: string }) {
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ['audit', action, by],
    queryFn: ({ pageParam, signal }) => get<AuditAnswer>('/audit', { action, by, cursor: pageParam }, signal),
    initialPageParam: '',
    getNextPageParam: ({ cursor }) => cursor,
    placeholderData: keepPreviousData,
    refetchInterval: REFRESH,
  });
  if (error !== null) return <ErrorState error={error} retry={refetch} />;
  if (data === undefined) return <Skeleton lines={6} />;
  const deeds = data.pages.flatMap(({ rows }) => rows);
  if (deeds.length === 0)
    return (
      <Empty icon="audit" title="Nothing is like that">
        <p>Every change that somebody makes is noted here: over HTTP, by commands and by applications.</p>
      </Empty>
    );
  return (
    <section className="card" aria-label="Changes">
      <table className="table stacking">
        <thead>
          <tr>
            <th>When</th>
            <th>Who</th>
            <th>What</th>
            <th className="number">Count</th>
            <th>Result</th>
          </tr>
        </thead>
        <tbody>
          {deeds.map((deed) => (
            <Row key={deed.id} deed={deed} />
          ))}
        </tbody>
      </table>
      {hasNextPage && (
        <footer className="card-body">
          <Button disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            {isFetchingNextPage ? 'Loading' : 'Show more'}
          </Button>
        </footer>
      )}
    </section>
  );
}

function Row({ deed }: { readonly deed: Deed }) {
  const { at, by, role, from, action, what, reason, count, result, error } = deed;
  return (
    <tr>
      <td data-label="When">
        <Moment at={at} as="short" />
      </td>
      <td data-label="Who">
        <span>
          {by || 'several'} <span className="quiet-text">{[role, from].filter(Boolean).join(', ')}</span>
        </span>
      </td>
      <td data-label="What">
        <span>
          <strong>{action}</strong> {wordsOf(what)}
          {reason !== null && <p className="quiet-text">“{reason}”</p>}
        </span>
      </td>
      <td data-label="Count" className="number">
        {count !== null && formatNumber(count)}
      </td>
      <td data-label="Result">
        <span>
          <Result result={result} />
          {error !== null && <p className="quiet-text">{error}</p>}
        </span>
      </td>
    </tr>
  );
}

function Result({ result }: Pick<Deed, 'result'>) {
  if (result === 'done') return <Badge tone="good">done</Badge>;
  if (result === 'failed') return <Badge tone="bad">failed</Badge>;
  return (
    <span title="It goes on, or its process ended before it did.">
      <Badge tone="warn">begun</Badge>
    </span>
  );
}
