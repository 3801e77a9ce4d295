/** The rows on the screen out of however many there are; keys move through them as in a mail client. */
import { useVirtualizer, type Virtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { useKeys } from '../app/keys.ts';
import { Button } from '../design/button.tsx';
import { Empty, ErrorState, Skeleton } from '../design/states.tsx';
import { counted } from '../format/number.ts';
import { formatExact } from '../format/time.ts';
import { type Filter, timeOfCursor, urlOfFilter } from './filter.ts';
import { lastPlace, remember } from './place.ts';
import { Row } from './row.tsx';
import { keyOf, useLiveRows, type useRows, useTotal } from './rows.ts';
import type { Selection } from './selection.ts';

/** Rows beyond those that are seen. */
const OVERSCAN = 12;
/** So many rows before the end the next page is asked for. */
const AHEAD = 60;
const NARROW = '(max-width: 860px)';

function useRowHeight(): number {
  const [isNarrow, setNarrow] = useState(() => matchMedia(NARROW).matches);
  useEffect(() => {
    const query = matchMedia(NARROW);
    const change = (): void => setNarrow(query.matches);
    query.addEventListener('change', change);
    return () => query.removeEventListener('change', change);
  }, []);
  return isNarrow ? 74 : 41;
}

interface ListProps {
  readonly filter: Filter;
  readonly query: ReturnType<typeof useRows>;
  readonly selection: Selection;
  readonly canSelect: boolean;
}

export function List(props: ListProps) {
  const { query, filter } = props;
  if (query.isPending) return <Skeleton lines={12} />;
  if (query.isError && query.rows.length === 0) return <ErrorState error={query.error} retry={query.refetch} />;
  if (query.rows.length === 0 && !query.hasNextPage) return <Nothing filter={filter} />;
  return <Rows {...props} />;
}

function Nothing({ filter }: { readonly filter: Filter }) {
  // It may come.
  useLiveRows(filter, () => true);
  const [, navigate] = useLocation();
  if (urlOfFilter(filter) === '/messages')
    return (
      <Empty icon="messages" title="No messages yet">
        <p>What is submitted by SMTP, by the library or over HTTP appears here at once.</p>
      </Empty>
    );
  return (
    <Empty icon="search" title="Nothing fits">
      <p>No delivery fits all that was asked for.</p>
      <Button onClick={() => navigate('/messages')}>Show all messages</Button>
    </Empty>
  );
}

function Rows({ filter, query, selection, canSelect }: ListProps) {
  const { rows, hasNextPage, isFetchingNextPage, fetchNextPage, isFetchNextPageError } = query;
  const frame = useRef<HTMLDivElement>(null);
  const height = useRowHeight();
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => frame.current,
    estimateSize: () => height,
    getItemKey: (index) => keyOf(rows[index] as (typeof rows)[number]),
    overscan: OVERSCAN,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is the height that has to be measured anew.
  useLayoutEffect(() => virtual.measure(), [virtual, height]);
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? -1;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && !isFetchNextPageError && last >= rows.length - AHEAD)
      void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, isFetchNextPageError, last, rows.length, fetchNextPage]);
  const open = useListKeys({ filter, query, selection, canSelect }, virtual, frame);
  const isAtTop = (): boolean => (frame.current?.scrollTop ?? 0) < height;
  const { fresh, showFresh } = useLiveRows(filter, isAtTop);
  const total = useTotal(filter);
  const active = rows[selection.active];
  return (
    <div className="list">
      {fresh > 0 && (
        <Button
          look="primary"
          className="fresh"
          onClick={() => {
            showFresh();
            frame.current?.scrollTo({ top: 0 });
          }}
        >
          {counted(fresh, 'new delivery', 'new deliveries')}
        </Button>
      )}
      {/* biome-ignore lint/a11y/useSemanticElements: a table has no rows that are not there. */}
      <div
        ref={frame}
        className="grid"
        role="grid"
        aria-label="Deliveries"
        aria-multiselectable={canSelect}
        aria-rowcount={total ?? -1}
        aria-activedescendant={active === undefined ? undefined : `row-${keyOf(active)}`}
        tabIndex={0}
      >
        {/* biome-ignore lint/a11y/useSemanticElements: as above. */}
        <div role="rowgroup" className="grid-body" style={{ height: `${virtual.getTotalSize()}px` }}>
          {items.map(({ index, key, start }) => {
            const row = rows[index];
            return (
              row !== undefined && (
                <Row
                  key={key}
                  row={row}
                  index={index}
                  top={start}
                  height={height}
                  isActive={index === selection.active}
                  isSelected={selection.has(row.id)}
                  canSelect={canSelect}
                  onOpen={() => open(index)}
                  onToggle={(extend) => selection.toggle(index, extend)}
                />
              )
            );
          })}
        </div>
      </div>
      <Foot query={query} />
    </div>
  );
}

/** What is still under way below the last row. */
function Foot({ query }: { readonly query: ListProps['query'] }) {
  const { isFetchingNextPage, isFetchNextPageError, error, searchedTo, fetchNextPage } = query;
  if (isFetchNextPageError) return <ErrorState error={error} retry={fetchNextPage} />;
  if (!isFetchingNextPage || searchedTo === null) return null;
  return (
    <div className="list-foot" role="status">
      <div className="progress" />
      <span className="quiet-text">Looked through up to {formatExact(timeOfCursor(searchedTo))}</span>
    </div>
  );
}

type Frame = { readonly current: HTMLDivElement | null };

/** Answers with what opens a row. */
function useListKeys(
  { filter, query: { rows }, selection, canSelect }: ListProps,
  virtual: Virtualizer<HTMLDivElement, Element>,
  frame: Frame,
): (index: number) => void {
  const [, navigate] = useLocation();
  const open = (index: number): void => {
    const row = rows[index];
    if (row === undefined) return;
    remember(filter, keyOf(row));
    navigate(`/messages/${row.id}`);
  };
  // Whoever comes back is where they left.
  const isBack = useRef(false);
  useEffect(() => {
    if (isBack.current) return;
    isBack.current = true;
    const place = lastPlace();
    const index =
      urlOfFilter(place.filter) === urlOfFilter(filter) ? rows.findIndex((row) => keyOf(row) === place.key) : -1;
    if (index > 0) {
      selection.moveTo(index);
      virtual.scrollToIndex(index, { align: 'center' });
    }
    frame.current?.focus({ preventScroll: true });
  });
  const move = (to: number, extend = false): void => {
    const index = Math.max(0, Math.min(to, rows.length - 1));
    selection.moveTo(index, extend && canSelect);
    virtual.scrollToIndex(index);
  };
  const { active } = selection;
  const screen = Math.max(1, Math.floor((frame.current?.clientHeight ?? 0) / 41) - 1);
  const next = (extend?: boolean) => () => move(active + 1, extend);
  const previous = (extend?: boolean) => () => move(active - 1, extend);
  const to = (index: number) => () => move(index);
  const openActive = (): void => open(active);
  const toggle = (): void => (canSelect ? selection.toggle(active) : undefined);
  useKeys({
    j: next(),
    ArrowDown: next(),
    'Shift+ArrowDown': next(true),
    J: next(true),
    k: previous(),
    ArrowUp: previous(),
    'Shift+ArrowUp': previous(true),
    K: previous(true),
    PageDown: to(active + screen),
    PageUp: to(active - screen),
    Home: to(0),
    End: to(rows.length - 1),
    x: toggle,
    ' ': toggle,
    Enter: openActive,
    o: openActive,
  });
  return open;
}
