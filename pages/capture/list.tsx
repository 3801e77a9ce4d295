/** The left one of the panes. */
import { useEffect, useRef } from 'react';
import { Link } from 'wouter';
import { Button } from '../design/button.tsx';
import { Moment } from '../format/moment.tsx';
import type { Mail, useInbox } from './inbox.ts';

export function List({ inbox, open }: { readonly inbox: ReturnType<typeof useInbox>; readonly open: string | null }) {
  const { mails, hasNextPage, fetchNextPage, isFetchingNextPage } = inbox;
  return (
    <nav className="inbox card" aria-label="Captured messages">
      <ul>
        {mails.map((mail) => (
          <Line key={mail.id} mail={mail} isOpen={mail.id === open} />
        ))}
      </ul>
      {hasNextPage && (
        <Button disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {isFetchingNextPage ? 'Loading' : 'Show more'}
        </Button>
      )}
    </nav>
  );
}

function Line({ mail, isOpen }: { readonly mail: Mail; readonly isOpen: boolean }) {
  const { id, subject, recipients, sender, createdAt } = mail;
  const line = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (isOpen) line.current?.scrollIntoView({ block: 'nearest' });
  }, [isOpen]);
  return (
    <li ref={line}>
      <Link href={`/capture?id=${id}`} className="inbox-line" aria-current={isOpen ? 'true' : undefined}>
        <span className="inbox-subject">{subject ?? <em>No subject</em>}</span>
        <span className="inbox-time">
          <Moment at={createdAt} as="short" />
        </span>
        <span className="inbox-people">
          to {recipients.join(', ')}
          <span className="visually-hidden"> from {sender ?? 'nobody: it is a report'}</span>
        </span>
      </Link>
    </li>
  );
}
