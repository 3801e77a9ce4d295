/** A delivery in a line. */
import type { ListedRow } from '../../src/admin/answers.ts';
import { StateBadge } from '../design/badge.tsx';
import { Moment, useNow } from '../format/moment.tsx';
import { keyOf } from './rows.ts';
import { newsOf } from './words.ts';

export function Row({
  row,
  index,
  top,
  height,
  isActive,
  isSelected,
  canSelect,
  onOpen,
  onToggle,
}: {
  readonly row: ListedRow;
  readonly index: number;
  readonly top: number;
  readonly height: number;
  readonly isActive: boolean;
  readonly isSelected: boolean;
  readonly canSelect: boolean;
  readonly onOpen: () => void;
  /** `extend`: with all between it and the last one. */
  readonly onToggle: (extend: boolean) => void;
}) {
  const now = useNow();
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid that it stands in has the keys.
    // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus, and says at which row it is.
    // biome-ignore lint/a11y/useSemanticElements: a table has no rows that are not there.
    <div
      id={`row-${keyOf(row)}`}
      role="row"
      aria-rowindex={index + 1}
      aria-selected={canSelect ? isSelected : undefined}
      className="row"
      data-active={isActive}
      style={{ transform: `translateY(${top}px)`, height: `${height}px` }}
      onClick={(event) => (event.shiftKey || event.ctrlKey || event.metaKey ? onToggle(event.shiftKey) : onOpen())}
    >
      {canSelect && (
        <Cell name="select">
          <input
            type="checkbox"
            tabIndex={-1}
            aria-label={`Select the message to ${row.recipient}`}
            checked={isSelected}
            onChange={() => undefined}
            onClick={(event) => {
              event.stopPropagation();
              onToggle(event.shiftKey);
            }}
          />
        </Cell>
      )}
      <Cell name="state">
        <StateBadge {...row} />
      </Cell>
      <Cell name="recipient" title={row.recipient}>
        {row.recipient}
      </Cell>
      <Cell name="subject" title={row.subject ?? undefined}>
        <span className="subject-text">{row.subject ?? <em className="quiet-text">no subject</em>}</span>
        <span className="row-tags">
          {row.tags.map((tag) => (
            <span key={tag} className="tag">
              {tag}
            </span>
          ))}
        </span>
      </Cell>
      <Cell name="news" title={row.lastReply?.text}>
        {newsOf(row, now)}
      </Cell>
      <Cell name="time">
        <Moment at={row.createdAt} as="short" />
      </Cell>
    </div>
  );
}

function Cell({
  name,
  title,
  children,
}: {
  readonly name: string;
  readonly title?: string | undefined;
  readonly children: React.ReactNode;
}) {
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus.
    // biome-ignore lint/a11y/useSemanticElements: a table has no rows that are not there.
    <div role="gridcell" className={`cell ${name}`} title={title}>
      {children}
    </div>
  );
}
