/** The relays in a few words each. */
import { useQuery } from '@tanstack/react-query';
import type { RelaysAnswer } from '../../src/admin/answers.ts';
import { relaysQuery } from '../api/queue.ts';
import { Badge, type Tone } from '../design/badge.tsx';
import { ErrorState, Skeleton } from '../design/states.tsx';
import { Moment, useNow } from '../format/moment.tsx';
import { counted } from '../format/number.ts';
import { nextTryOf } from '../relays/next-try.ts';

type Relay = RelaysAnswer['relays'][number];

const TONES: Readonly<Record<Relay['standing'], Tone>> = {
  fine: 'good',
  paused: 'warn',
  failing: 'bad',
  deferring: 'bad',
  limited: 'warn',
  resting: 'warn',
  slowed: 'warn',
};

export function Relays() {
  const { data, error, refetch } = useQuery({ ...relaysQuery, refetchInterval: 15_000 });
  return (
    <section className="card">
      <header>
        <h2>Relays</h2>
      </header>
      {error !== null && <ErrorState error={error} retry={refetch} />}
      {error === null && data === undefined && (
        <div className="card-body">
          <Skeleton />
        </div>
      )}
      {data?.relays.length === 0 && (
        <p className="card-body quiet-text">No relay is set: mail is captured, and nothing leaves this machine.</p>
      )}
      <ul className="relay-lines">
        {data?.relays.map((relay) => (
          <li key={relay.name}>
            <strong>{relay.name}</strong>
            <Badge tone={TONES[relay.standing]}>{relay.standing}</Badge>
            <span className="relay-why">
              <Why relay={relay} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Why it stands as it does. */
function Why({ relay }: { readonly relay: Relay }) {
  const now = useNow();
  const { standing, pausedAt, pausedBy, faults, lastFault, deferring, limitedUntil, pace } = relay;
  if (standing === 'paused' && pausedAt !== null)
    return (
      <>
        stopped{pausedBy !== null && ` by ${pausedBy}`} <Moment at={pausedAt} />
      </>
    );
  if (standing === 'failing')
    return (
      <>
        {counted(faults, 'fault')} in a row{lastFault !== null && `: ${lastFault.code} ${lastFault.text}`}
        {nextTryOf(relay) > now ? (
          <>
            ; next try <Moment at={nextTryOf(relay)} />
          </>
        ) : (
          '; it is being tried again'
        )}
      </>
    );
  if (deferring !== null)
    return (
      <>
        has taken no mail since <Moment at={deferring.since} as="short" />
        {deferring.reply !== null && `: ${deferring.reply.code} ${deferring.reply.text}`}
      </>
    );
  if (standing === 'limited' && limitedUntil !== null)
    return (
      <>
        its rate is used up; it goes on <Moment at={limitedUntil} />
      </>
    );
  if (pace !== null)
    return (
      <>
        it said that it was too much: {counted(pace.connections, 'connection')}
        {pace.restUntil !== null && standing === 'resting' && (
          <>
            , and goes on <Moment at={pace.restUntil} />
          </>
        )}
      </>
    );
  return <>{relay.url}</>;
}
