/** The relays: how each stands and why, what it may be given, and stopping it. */
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import type { RelaysAnswer } from '../../src/admin/answers.ts';
import { get } from '../api/client.ts';
import { useEvents } from '../api/events.ts';
import { useTitle } from '../app/title.ts';
import { ErrorState, Skeleton } from '../design/states.tsx';
import { RelayCard } from './card.tsx';
import './relays.css';

const KEY = ['relays'];
/** Paces and limits change without an event, ms. */
const REFRESH = 5_000;

export function Page() {
  useTitle('Relays');
  const client = useQueryClient();
  const { data, error, refetch } = useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => get<RelaysAnswer>('/relays', {}, signal),
    refetchInterval: REFRESH,
    placeholderData: keepPreviousData,
  });
  useEvents(({ type }) => type === 'relay' && void client.invalidateQueries({ queryKey: KEY }));
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
