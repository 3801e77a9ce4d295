/** The webhooks: how each stands, what it was not told, and telling it again. */
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { WebhooksAnswer } from '../../src/admin/answers.ts';
import { get } from '../api/client.ts';
import { useTitle } from '../app/title.ts';
import { Empty, ErrorState, Skeleton } from '../design/states.tsx';
import { WebhookCard } from './card.tsx';
import { KEY } from './changes.ts';
import './webhooks.css';

/** What becomes of webhooks is no event of the stream, ms. */
const REFRESH = 5_000;

export function Page() {
  useTitle('Webhooks');
  const { data, error, refetch } = useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => get<WebhooksAnswer>('/webhooks', {}, signal),
    refetchInterval: REFRESH,
    placeholderData: keepPreviousData,
  });
  return (
    <>
      <div className="page-head">
        <h1>Webhooks</h1>
      </div>
      {error !== null && <ErrorState error={error} retry={refetch} />}
      {error === null && data === undefined && <Skeleton lines={8} />}
      {error === null && data?.webhooks.length === 0 && <None />}
      {error === null && (
        <ul className="webhooks">
          {data?.webhooks.map((webhook) => (
            <WebhookCard key={webhook.name} webhook={webhook} />
          ))}
        </ul>
      )}
    </>
  );
}

function None() {
  return (
    <Empty icon="webhooks" title="No webhook is set">
      <p>
        With the setting <code>webhooks</code> your programs are told over HTTP of what becomes of each message.
      </p>
    </Empty>
  );
}
