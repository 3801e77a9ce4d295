/** All messages, a row for each recipient. */
import type { QueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation, useSearch } from 'wouter';
import { useIsOperator } from '../api/session.ts';
import { useKeys } from '../app/keys.ts';
import { useTitle } from '../app/title.ts';
import { useToasts } from '../design/toast.tsx';
import { ActionBar } from './action-bar.tsx';
import { ACTIONS, type Action, type Chosen, useAct } from './actions.ts';
import { Ask } from './ask.tsx';
import { type Filter, filterOfUrl, urlOfFilter } from './filter.ts';
import { List } from './list.tsx';
import { beginRows, useRows } from './rows.ts';
import { SearchBar } from './search-bar.tsx';
import { useSelection } from './selection.ts';
import './messages.css';

export function begin(client: QueryClient): void {
  beginRows(client, filterOfUrl(location.search));
}

export function Page() {
  useTitle('Messages');
  const [, navigate] = useLocation();
  const filter = filterOfUrl(useSearch());
  const address = urlOfFilter(filter);
  const show = (wanted: Filter): void => navigate(urlOfFilter(wanted));
  return (
    <div className="messages">
      <SearchBar filter={filter} onFilter={show} />
      <Found key={address} filter={filter} />
    </div>
  );
}

/** What the filter finds; a new one begins anew. */
function Found({ filter }: { readonly filter: Filter }) {
  const query = useRows(filter);
  const selection = useSelection(query.rows);
  const isOperator = useIsOperator();
  const run = useAct(filter);
  const { undoLast } = useToasts();
  const [asked, setAsked] = useState<{ readonly action: Action; readonly chosen: Chosen } | null>(null);

  const begin = (action: Action): void => {
    const chosen = selection.chosen(filter);
    if (chosen === null || !isOperator) return;
    // What is done to all that fits, and what is not undone by a key, is asked first.
    if (action.warning !== undefined || 'filter' in chosen) setAsked({ action, chosen });
    else void run(action, chosen);
  };
  useKeys({
    ...Object.fromEntries(ACTIONS.map((action) => [action.key, () => begin(action)])),
    z: () => undoLast(),
    Escape: selection.clear,
    '*': selection.toggleAll,
  });
  return (
    <>
      <ActionBar filter={filter} query={query} selection={selection} isOperator={isOperator} onAction={begin} />
      <List filter={filter} query={query} selection={selection} canSelect={isOperator} />
      {asked !== null && (
        <Ask
          {...asked}
          onClose={() => setAsked(null)}
          onConfirm={async (counted) => {
            await run(asked.action, counted);
            setAsked(null);
            selection.clear();
          }}
        />
      )}
    </>
  );
}
