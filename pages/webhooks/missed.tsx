/** Events that a webhook was not told in time. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import type { WebhookDeliveriesAnswer } from '../../src/admin/answers.ts';
import { get } from '../api/client.ts';
import { useIsOperator } from '../api/session.ts';
import { Button } from '../design/button.tsx';
import { ErrorState, Skeleton } from '../design/states.tsx';
import { Moment } from '../format/moment.tsx';
import { counted } from '../format/number.ts';
import { KEY, useResend } from './changes.ts';
import '../design/stacking.css';

type Event = WebhookDeliveriesAnswer['rows'][number];

export function Missed({ name, count }: { readonly name: string; readonly count: number }) {
  return (
    <details className="missed">
      <summary>{counted(count, 'event was', 'events were')} not told in time</summary>
      <List name={name} />
    </details>
  );
}

function List({ name }: { readonly name: string }) {
  const { data, error, refetch, hasNextPage, fetchNextPage } = useInfiniteQuery({
    queryKey: [...KEY, name, 'failed'],
    queryFn: ({ pageParam, signal }) =>
      get<WebhookDeliveriesAnswer>(`/webhooks/${encodeURIComponent(name)}/deliveries`, { cursor: pageParam }, signal),
    initialPageParam: '',
    getNextPageParam: ({ cursor }) => cursor,
  });
  if (error !== null) return <ErrorState error={error} retry={refetch} />;
  if (data === undefined) return <Skeleton />;
  return (
    <>
      <table className="table stacking">
        <thead>
          <tr>
            <th>Event</th>
            <th>Since</th>
            <th>Last failure</th>
            <th>
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {data.pages
            .flatMap(({ rows }) => rows)
            .map((event) => (
              <Row key={event.id} name={name} event={event} />
            ))}
        </tbody>
      </table>
      {hasNextPage && <Button onClick={() => void fetchNextPage()}>Show more</Button>}
    </>
  );
}

function Row({ name, event }: { readonly name: string; readonly event: Event }) {
  const resend = useResend(name);
  const { id, type, message, createdAt, attempts, lastFailure } = event;
  return (
    <tr>
      <th scope="row">
        <Link href={`/messages/${message}`}>{type}</Link>
      </th>
      <td data-label="Since">
        <Moment at={createdAt} as="short" />
      </td>
      <td data-label="Last failure">
        <span>
          {lastFailure?.error ?? 'none'} <span className="quiet-text">({counted(attempts, 'try', 'tries')})</span>
        </span>
      </td>
      <td className="missed-action">
        {useIsOperator() && (
          <Button
            disabled={resend.isPending}
            aria-label={`Resend ${type} of ${message}`}
            onClick={() => resend.mutate([id])}
          >
            Resend
          </Button>
        )}
      </td>
    </tr>
  );
}
