/** One message: what became of it for each recipient and why, and what is in it. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation, useParams } from 'wouter';
import type { FoundAnswer } from '../../src/admin/answers.ts';
import { ApiError, get } from '../api/client.ts';
import { useEvents } from '../api/events.ts';
import { useRefresh } from '../api/refresh.ts';
import { useIsOperator } from '../api/session.ts';
import { useKeys } from '../app/keys.ts';
import { useTitle } from '../app/title.ts';
import { Button } from '../design/button.tsx';
import { Icon } from '../design/icon.tsx';
import { Empty, ErrorState, Skeleton } from '../design/states.tsx';
import { useToasts } from '../design/toast.tsx';
import { Moment } from '../format/moment.tsx';
import { formatBytes } from '../format/number.ts';
import { ACTIONS, type Action, useAct } from '../messages/actions.ts';
import { Ask } from '../messages/ask.tsx';
import { urlOfFilter } from '../messages/filter.ts';
import { lastPlace, remember } from '../messages/place.ts';
import { cachedRows, keyOf } from '../messages/rows.ts';
import { Content } from './content.tsx';
import { Recipients } from './recipients.tsx';
import { ResendButton } from './resend.tsx';
import { Timeline } from './timeline.tsx';
import './message.css';

/** A message to a thousand has a thousand things happen to it at once, ms. */
const GATHER = 100;

export function Page() {
  const { id = '' } = useParams<{ id: string }>();
  return <Message key={id} id={id} />;
}

function Message({ id }: { readonly id: string }) {
  const { data, error, refetch } = useQuery({
    queryKey: ['message', id],
    queryFn: ({ signal }) => get<FoundAnswer>(`/messages/${encodeURIComponent(id)}`, {}, signal),
    // Until it is tried the next time, nothing may tell that something else changed: a pause, a worker that has gone.
    refetchInterval: ({ state }) => (isUnderWay(state.data) ? 15_000 : false),
  });
  useTitle(data?.message.subject ?? 'Message');
  const refresh = useRefresh(['message', id], GATHER);
  useEvents((event) => {
    if (event.type === 'relay' || event.delivery.id === id) refresh();
  });
  const { previous, next, back } = useNeighbours(id);
  return (
    <article className="message">
      <nav className="message-nav" aria-label="Messages">
        <Link href={back} className="button quiet">
          <Icon name="left" />
          Messages
        </Link>
        <span className="actions">
          <Button look="quiet" disabled={previous === null} onClick={previous ?? undefined}>
            Newer
          </Button>
          <Button look="quiet" disabled={next === null} onClick={next ?? undefined}>
            Older
          </Button>
        </span>
      </nav>
      {error !== null && data === undefined && <Missing error={error} retry={refetch} />}
      {error === null && data === undefined && <Skeleton lines={8} />}
      {data !== undefined && <Found found={data} />}
    </article>
  );
}

function isUnderWay(found: FoundAnswer | undefined): boolean {
  return found?.deliveries.some(({ state }) => state === 'queued' || state === 'sending') ?? false;
}

function Missing({ error, retry }: { readonly error: Error; readonly retry: () => unknown }) {
  if (!(error instanceof ApiError) || (error.status !== 404 && error.status !== 400))
    return <ErrorState error={error} retry={retry} />;
  return (
    <Empty icon="search" title="There is no such message">
      <p>It may have been purged: what has ended is kept for a while only.</p>
    </Empty>
  );
}

/** As in a mail client: to the next message of the list that one came from. */
function useNeighbours(id: string) {
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const { filter } = lastPlace();
  const rows = cachedRows(client, filter);
  const at = rows.findIndex((row) => row.id === id);
  const go = (row: (typeof rows)[number] | undefined): (() => void) | null => {
    if (row === undefined || at < 0) return null;
    return () => {
      remember(filter, keyOf(row));
      navigate(`/messages/${row.id}`);
    };
  };
  const previous = go(rows.slice(0, Math.max(at, 0)).findLast((row) => row.id !== id));
  const next = go(rows.slice(at + 1).find((row) => row.id !== id));
  const back = urlOfFilter(filter);
  const goBack = (): void => navigate(back);
  useKeys({
    k: () => previous?.(),
    j: () => next?.(),
    Escape: goBack,
  });
  return { previous, next, back };
}

function Found({ found }: { readonly found: FoundAnswer }) {
  const { message, contentKept } = found;
  return (
    <>
      <header className="message-head">
        <div>
          <h1>{message.subject ?? <em className="quiet-text">No subject</em>}</h1>
          <p className="quiet-text">
            From <strong>{message.sender ?? '<> (a report)'}</strong> · <Moment at={message.createdAt} as="exact" /> ·{' '}
            {formatBytes(message.size)} · by {message.origin}
            {message.tags.map((tag) => (
              <span key={tag} className="tag">
                {tag}
              </span>
            ))}
          </p>
        </div>
        <MessageActions found={found} />
      </header>
      <Recipients found={found} />
      <Timeline entries={found.timeline} recipients={found.deliveries.length} />
      <Content id={message.id} isKept={contentKept} />
      <Facts found={found} />
    </>
  );
}

function MessageActions({ found }: { readonly found: FoundAnswer }) {
  const [asked, setAsked] = useState<Action | null>(null);
  const run = useAct(lastPlace().filter);
  const { undoLast } = useToasts();
  const isOperator = useIsOperator();
  const chosen = { ids: [found.message.id] };
  const possible = isOperator ? ACTIONS.filter((action) => fits(action, found)) : [];
  const begin = (action: Action): void => {
    if (action.warning === undefined) void run(action, chosen);
    else setAsked(action);
  };
  useKeys({ ...Object.fromEntries(possible.map((action) => [action.key, () => begin(action)])), z: () => undoLast() });
  if (!isOperator) return null;
  return (
    <div className="actions">
      {possible.map((action) => (
        <Button key={action.name} icon={action.icon} aria-keyshortcuts={action.key} onClick={() => begin(action)}>
          {action.label}
        </Button>
      ))}
      {found.contentKept && <ResendButton found={found} />}
      {asked !== null && (
        <Ask
          action={asked}
          chosen={chosen}
          onClose={() => setAsked(null)}
          onConfirm={async () => {
            await run(asked, chosen);
            setAsked(null);
          }}
        />
      )}
    </div>
  );
}

const FROM: Readonly<Record<Action['name'], readonly string[]>> = {
  retry: ['queued', 'captured', 'bounced', 'cancelled'],
  hold: ['queued'],
  release: ['held'],
  cancel: ['queued', 'held', 'captured'],
};

function fits({ name }: Action, { deliveries, contentKept }: FoundAnswer): boolean {
  return contentKept && deliveries.some(({ state }) => FROM[name].includes(state));
}

/** What is seldom asked for. */
function Facts({ found: { message } }: { readonly found: FoundAnswer }) {
  const metadata = Object.entries(message.metadata);
  return (
    <section className="card">
      <header>
        <h2>Details</h2>
      </header>
      <dl className="facts card-body">
        <Fact name="Queue id" value={message.id} />
        <Fact name="Message-ID" value={message.messageId} />
        <Fact name="Priority" value={message.priority} />
        {message.key !== null && <Fact name="Idempotency key" value={message.key} />}
        {message.reportOn !== null && (
          <div>
            <dt>Report on</dt>
            <dd>
              <Link href={`/messages/${message.reportOn}`}>{message.reportOn}</Link>
            </dd>
          </div>
        )}
        {metadata.map(([name, value]) => (
          <Fact key={name} name={name} value={value} />
        ))}
      </dl>
    </section>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <code>{value}</code>
      </dd>
    </div>
  );
}
