/** The mail that stays here, as an inbox: the newest first, and what is chosen opens beside the list. */
import { useDeferredValue, useState } from 'react';
import { useSearchParams } from 'wouter';
import { useIsOperator } from '../api/session.ts';
import { useKeys } from '../app/keys.ts';
import { useTitle } from '../app/title.ts';
import { Button } from '../design/button.tsx';
import { ErrorState, Skeleton } from '../design/states.tsx';
import { formatNumber } from '../format/number.ts';
import { EmptyInbox } from './empty.tsx';
import { type Mail, useInbox } from './inbox.ts';
import { List } from './list.tsx';
import { Reading } from './reading.tsx';
import { RemoveAll } from './remove.tsx';
import { useIsWide } from './wide.ts';
import './capture.css';

export function Page() {
  const [text, setText] = useState('');
  const inbox = useInbox(useDeferredValue(text).trim());
  const [isClearing, setClearing] = useState(false);
  const isOperator = useIsOperator();
  const count = inbox.mails.length;
  useTitle(count > 0 ? `Capture (${formatNumber(count)}${inbox.hasNextPage ? '+' : ''})` : 'Capture');
  return (
    <div className="capture">
      <div className="page-head">
        <h1>Capture</h1>
        <div className="actions">
          <input
            className="input capture-search"
            type="search"
            placeholder="Find"
            aria-label="Find a captured message"
            value={text}
            onChange={({ target }) => setText(target.value)}
          />
          {isOperator && count > 0 && text === '' && (
            <Button icon="trash" onClick={() => setClearing(true)}>
              Remove all
            </Button>
          )}
        </div>
      </div>
      {inbox.error !== null && <ErrorState error={inbox.error} retry={inbox.refetch} />}
      {inbox.error === null && inbox.isLoading && <Skeleton lines={8} />}
      {inbox.error === null && !inbox.isLoading && (count === 0 ? <EmptyInbox text={text} /> : <Panes inbox={inbox} />)}
      {isClearing && <RemoveAll onClose={() => setClearing(false)} />}
    </div>
  );
}

/** On wide screens something is always open: what was chosen, or else the newest. */
function Panes({ inbox }: { readonly inbox: ReturnType<typeof useInbox> }) {
  const { mails } = inbox;
  const [parameters, setParameters] = useSearchParams();
  const isWide = useIsWide();
  const chosen = parameters.get('id');
  const at = mails.findIndex(({ id }) => id === chosen);
  const open = mails[at] ?? (isWide && chosen === null ? mails[0] : undefined);
  const choose = (mail: Mail | undefined): void => {
    if (mail !== undefined) setParameters({ id: mail.id }, { replace: chosen !== null });
  };
  const close = (): void => setParameters({});
  useKeys({
    j: () => choose(mails[at < 0 ? (isWide ? 1 : 0) : at + 1]),
    k: () => choose(mails[at - 1]),
    Escape: close,
  });
  const openId = open?.id ?? chosen;
  return (
    <div className="panes" data-open={openId !== null}>
      <List inbox={inbox} open={openId} />
      {openId !== null && <Reading key={openId} id={openId} onClose={close} />}
    </div>
  );
}
