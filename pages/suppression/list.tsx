/** The list, page by page. */
import { useDeferredValue } from 'react';
import { useIsOperator } from '../api/session.ts';
import { Badge } from '../design/badge.tsx';
import { Button, IconButton } from '../design/button.tsx';
import { Empty, ErrorState, Skeleton } from '../design/states.tsx';
import { Moment, useNow } from '../format/moment.tsx';
import { formatExact } from '../format/time.ts';
import { type Entry, useEntries, useRemove } from './entries.ts';
import '../design/stacking.css';

export function List({ search }: { readonly search: string }) {
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useEntries(useDeferredValue(search));
  if (error !== null) return <ErrorState error={error} retry={refetch} />;
  if (data === undefined) return <Skeleton lines={6} />;
  const entries = data.pages.flatMap(({ rows }) => rows);
  if (entries.length === 0) return <Nothing search={search} />;
  return (
    <section className="card" aria-label="Suppressed addresses and domains">
      <table className="table stacking">
        <thead>
          <tr>
            <th>Address or domain</th>
            <th>Reason</th>
            <th>Since</th>
            <th>Until</th>
            <th>
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <Row key={entry.target} entry={entry} />
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

function Nothing({ search }: { readonly search: string }) {
  if (search !== '')
    return (
      <Empty icon="search" title="No entry is like that">
        <p>Nothing in the list contains “{search}”.</p>
      </Empty>
    );
  return (
    <Empty icon="suppression" title="Nobody is suppressed">
      <p>Add those who asked to get no more mail, or whose addresses do not exist. A CSV file does for a whole list.</p>
    </Empty>
  );
}

function Row({ entry }: { readonly entry: Entry }) {
  const { target, reason, since, until, note } = entry;
  return (
    <tr>
      <th scope="row">
        {target}
        {note !== null && <p className="note quiet-text">{note}</p>}
      </th>
      <td data-label="Reason">{reason}</td>
      <td data-label="Since">
        <Moment at={since} as="short" />
      </td>
      <td data-label="Until">
        <Until at={until} />
      </td>
      <td className="row-action">
        <Remove entry={entry} />
      </td>
    </tr>
  );
}

function Until({ at }: { readonly at: number | null }) {
  const now = useNow();
  if (at === null) return <span className="quiet-text">for good</span>;
  if (at > now) return <Moment at={at} as="short" />;
  return (
    <span title={formatExact(at)}>
      <Badge>over</Badge>
    </span>
  );
}

function Remove({ entry }: { readonly entry: Entry }) {
  const remove = useRemove();
  if (!useIsOperator()) return null;
  return (
    <IconButton
      icon="trash"
      label={`Take out ${entry.target}`}
      disabled={remove.isPending}
      onClick={() => remove.mutate(entry)}
    />
  );
}
