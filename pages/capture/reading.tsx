/** The right one of the panes: one message. */
import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import type { FoundAnswer } from '../../src/admin/answers.ts';
import { get } from '../api/client.ts';
import { Button } from '../design/button.tsx';
import { ErrorState, Skeleton } from '../design/states.tsx';
import { Moment } from '../format/moment.tsx';
import { formatBytes } from '../format/number.ts';
import { Content } from '../message/content.tsx';
import { RemoveOne } from './remove.tsx';
import '../message/message.css';

export function Reading({ id, onClose }: { readonly id: string; readonly onClose: () => void }) {
  const { data, error, refetch } = useQuery({
    queryKey: ['message', id],
    queryFn: ({ signal }) => get<FoundAnswer>(`/messages/${encodeURIComponent(id)}`, {}, signal),
  });
  return (
    <article className="reading" aria-label="The message">
      <Button className="reading-back" icon="left" onClick={onClose}>
        All messages
      </Button>
      {error !== null && <ErrorState error={error} retry={refetch} />}
      {error === null && data === undefined && <Skeleton lines={6} />}
      {data !== undefined && <Head found={data} onRemoved={onClose} />}
      {data !== undefined && <Content id={id} isKept={data.contentKept} />}
    </article>
  );
}

function Head({
  found: { message, deliveries },
  onRemoved,
}: {
  readonly found: FoundAnswer;
  readonly onRemoved: () => void;
}) {
  return (
    <header className="reading-head">
      <div>
        <h2>{message.subject ?? <em className="quiet-text">No subject</em>}</h2>
        <p className="quiet-text">
          From <strong>{message.sender ?? '<> (a report)'}</strong> to{' '}
          {deliveries.map(({ recipient }) => recipient).join(', ')}
        </p>
        <p className="quiet-text">
          <Moment at={message.createdAt} as="exact" /> · {formatBytes(message.size)} · by {message.origin}
          {message.tags.map((tag) => (
            <span key={tag} className="tag">
              {tag}
            </span>
          ))}
        </p>
      </div>
      <div className="actions">
        <Link href={`/messages/${message.id}`} className="button">
          Details
        </Link>
        <RemoveOne id={message.id} onRemoved={onRemoved} />
      </div>
    </header>
  );
}
