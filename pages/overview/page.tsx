/** How the queue stands: what is wrong comes first. */
import { type QueryClient, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from 'wouter';
import type { StatusAnswer } from '../../src/admin/answers.ts';
import { useEvents } from '../api/events.ts';
import { relaysQuery, statusQuery } from '../api/queue.ts';
import { useRefresh } from '../api/refresh.ts';
import { useTitle } from '../app/title.ts';
import { Icon } from '../design/icon.tsx';
import { ErrorState, Skeleton } from '../design/states.tsx';
import { Moment, useNow } from '../format/moment.tsx';
import { formatNumber, formatShort } from '../format/number.ts';
import { formatDuration } from '../format/time.ts';
import { Flow } from './flow.tsx';
import { Relays } from './relays.tsx';
import './overview.css';

/** Also without an event something can be wrong: a worker that is gone tells nothing. */
const EVERY = 10_000;
/** So often it is asked for where much happens, ms. */
const AT_MOST = 1_000;

export function begin(client: QueryClient): void {
  void client.prefetchQuery(statusQuery);
  void client.prefetchQuery(relaysQuery);
}

export function Page() {
  useTitle('Overview');
  useStatusEvents();
  const { data, error, refetch } = useQuery({ ...statusQuery, refetchInterval: EVERY });
  return (
    <div className="overview">
      <h1>Overview</h1>
      {error !== null && <ErrorState error={error} retry={refetch} />}
      {error === null && data === undefined && <Skeleton lines={4} />}
      {data !== undefined && <Problems status={data} />}
      {data !== undefined && <Numbers status={data} />}
      <Flow />
      <Relays />
    </div>
  );
}

function useStatusEvents(): void {
  const client = useQueryClient();
  const refresh = useRefresh(['status'], AT_MOST);
  useEvents((event) => {
    if (event.type === 'relay') void client.invalidateQueries({ queryKey: ['relays'] });
    refresh();
  });
}

function Problems({ status: { problems } }: { readonly status: StatusAnswer }) {
  if (problems.length === 0)
    return (
      <p className="well">
        <Icon name="check" />
        All is well.
      </p>
    );
  return (
    <section aria-labelledby="problems">
      <h2 id="problems" className="visually-hidden">
        What is wrong
      </h2>
      <ul className="problems">
        {problems.map(({ level, text }) => (
          <li key={text} data-level={level}>
            <Icon name="warning" />
            <span className="visually-hidden">{level}: </span>
            <span>{text}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Numbers({ status }: { readonly status: StatusAnswer }) {
  const { states, deferred, inDoubt } = status;
  return (
    <section aria-labelledby="numbers">
      <h2 id="numbers" className="visually-hidden">
        Deliveries now
      </h2>
      <ul className="numbers">
        <Count name="Waiting" value={states.queued + states.sending} to="state=queued,sending">
          <OldestDue at={status.oldestDue} />
        </Count>
        <Count name="Deferred" value={deferred} to="deferred=true" tone="warn">
          of those that wait
        </Count>
        <Count name="In doubt" value={inDoubt} to="inDoubt=true" tone="doubt">
          may have arrived
        </Count>
        <Count name="Held" value={states.held} to="state=held" tone="warn">
          until they are released
        </Count>
        <Count name="Bounced" value={states.bounced} to="state=bounced" tone="bad">
          {status.lostReports > 0 ? `${formatNumber(status.lostReports)} reports lost` : 'given up'}
        </Count>
        <Count name="Sent" value={states.sent} to="state=sent" tone="good">
          {status.lastSent === null ? (
            'none that is kept'
          ) : (
            <>
              last <Moment at={status.lastSent} />
            </>
          )}
        </Count>
        {states.captured > 0 && (
          <Count name="Captured" value={states.captured} to="state=captured" tone="good">
            kept here
          </Count>
        )}
        {states.cancelled > 0 && (
          <Count name="Cancelled" value={states.cancelled} to="state=cancelled">
            by an operator
          </Count>
        )}
      </ul>
    </section>
  );
}

function OldestDue({ at }: { readonly at: number | null }) {
  const now = useNow();
  return at === null ? 'nothing is due' : `due for ${formatDuration(Math.max(0, now - at))}`;
}

function Count({
  name,
  value,
  to,
  tone = 'plain',
  children,
}: {
  readonly name: string;
  readonly value: number;
  readonly to: string;
  readonly tone?: string;
  readonly children: React.ReactNode;
}) {
  return (
    <li data-tone={value === 0 ? 'plain' : tone}>
      <Link href={`/messages?${to}`} className="number-card">
        <span className="number-name">{name}</span>
        <strong title={formatNumber(value)}>{formatShort(value)}</strong>
        <small>{children}</small>
      </Link>
    </li>
  );
}
