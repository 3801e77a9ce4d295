/** The relays: how each stands and why, what it may be given, and stopping it. */
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEvents } from '../api/events.ts';
import { relaysQuery } from '../api/queue.ts';
import { useTitle } from '../app/title.ts';
import { ErrorState, Skeleton } from '../design/states.tsx';
import { RelayCard } from './card.tsx';
import './relays.css';

/** Paces and limits change without an event, ms. */
const REFRESH = 5_000;

export function Page() {
  useTitle('Relays');
  const client = useQueryClient();
  const { data, error, refetch } = useQuery({
    ...relaysQuery,
    refetchInterval: REFRESH,
    placeholderData: keepPreviousData,
  });
  useEvents(({ type }) => type === 'relay' && void client.invalidateQueries(relaysQuery));
  return (
    <>
      <div className="page-head">
        <h1>Relays</h1>
      </div>
      {error !== null && <ErrorState error={error} retry={refetch} />}
      {error === null && data === undefined && <Skeleton lines={8} />}
      {error === null && (
        <ul className="relays">
          {data?.relays.map((relay) => (
            <RelayCard key={relay.name} relay={relay} />
          ))}
        </ul>
      )}
    </>
  );
}
