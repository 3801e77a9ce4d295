/** Above the list: how many there are, or what can be done with those that are selected. */
import { useQueryClient } from '@tanstack/react-query';
import { Button } from '../design/button.tsx';
import { counted, formatNumber } from '../format/number.ts';
import { ACTIONS, type Action } from './actions.ts';
import { type Filter, isSearch } from './filter.ts';
import { type useRows, useTotal } from './rows.ts';
import type { Selection } from './selection.ts';

export function ActionBar({
  filter,
  query,
  selection,
  isOperator,
  onAction,
}: {
  readonly filter: Filter;
  readonly query: ReturnType<typeof useRows>;
  readonly selection: Selection;
  readonly isOperator: boolean;
  readonly onAction: (action: Action) => void;
}) {
  const isSelected = selection.ids.size > 0 || selection.isAll;
  return (
    <div className="action-bar" data-selected={isSelected}>
      {isSelected && isOperator ? (
        <Selected selection={selection} onAction={onAction} />
      ) : (
        <Count filter={filter} query={query} />
      )}
    </div>
  );
}

function Selected({
  selection,
  onAction,
}: {
  readonly selection: Selection;
  readonly onAction: (action: Action) => void;
}) {
  return (
    <>
      <strong role="status">
        {selection.isAll ? 'All that the filter finds' : `${counted(selection.ids.size, 'message')} selected`}
      </strong>
      <div className="actions">
        {ACTIONS.map((action) => (
          <Button key={action.name} icon={action.icon} aria-keyshortcuts={action.key} onClick={() => onAction(action)}>
            {action.label}
          </Button>
        ))}
      </div>
      <span className="actions">
        {!selection.isAll && (
          <Button look="quiet" onClick={selection.selectEverything}>
            Select all that the filter finds
          </Button>
        )}
        <Button look="quiet" onClick={selection.clear}>
          Clear
        </Button>
      </span>
    </>
  );
}

function Count({ filter, query }: { readonly filter: Filter; readonly query: ReturnType<typeof useRows> }) {
  const client = useQueryClient();
  const total = useTotal(filter);
  const loaded = query.rows.length;
  const isOver = !query.hasNextPage && query.isSuccess;
  const found = isOver || !isSearch(filter) ? `${formatNumber(total ?? loaded)}` : `${formatNumber(loaded)} so far`;
  return (
    <>
      <span className="quiet-text" role="status">
        {query.isPending ? 'Loading' : `${found} ${(total ?? loaded) === 1 ? 'delivery' : 'deliveries'}`}
      </span>
      <Button look="quiet" icon="retry" onClick={() => void client.resetQueries({ queryKey: ['messages', filter] })}>
        Refresh
      </Button>
    </>
  );
}
