/** What is looked for: states to choose from, words to write, and more where it is wanted. */
import { type FormEvent, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { useKeys } from '../app/keys.ts';
import { Button, IconButton } from '../design/button.tsx';
import { Icon } from '../design/icon.tsx';
import { ZONE } from '../format/time.ts';
import { type Filter, filterOfWords, wordsOfFilter } from './filter.ts';

/** In the order in which people ask for them. */
const VIEWS: readonly { readonly name: string; readonly filter: Filter }[] = [
  { name: 'All', filter: {} },
  { name: 'Waiting', filter: { state: 'queued,sending' } },
  { name: 'Deferred', filter: { deferred: 'true' } },
  { name: 'In doubt', filter: { inDoubt: 'true' } },
  { name: 'Held', filter: { state: 'held' } },
  { name: 'Bounced', filter: { state: 'bounced' } },
  { name: 'Sent', filter: { state: 'sent' } },
  { name: 'Captured', filter: { state: 'captured' } },
  { name: 'Cancelled', filter: { state: 'cancelled' } },
];

const isId = (text: string): boolean => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text.trim());

export function SearchBar({
  filter,
  onFilter,
}: {
  readonly filter: Filter;
  readonly onFilter: (filter: Filter) => void;
}) {
  const input = useRef<HTMLInputElement>(null);
  const [, navigate] = useLocation();
  const [isOpen, setOpen] = useState(
    filter.createdAfter !== undefined || filter.createdBefore !== undefined || filter.order !== undefined,
  );
  useKeys({ '/': () => input.current?.focus() });
  const words = wordsOfFilter(filter);
  const search = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const text = input.current?.value ?? '';
    if (isId(text)) navigate(`/messages/${text.trim().toLowerCase()}`);
    else onFilter(filterOfWords(text, filter));
  };
  return (
    <search className="search-bar">
      <div className="page-head">
        <h1>Messages</h1>
        <form onSubmit={search} className="search-form">
          <Icon name="search" />
          <input
            key={words}
            ref={input}
            className="input"
            type="search"
            aria-label="Search messages"
            placeholder="Search, or to:bob@example.org from:@example.com subject:invoice tag:news"
            defaultValue={words}
            onKeyDown={({ key }) => (key === 'Escape' ? input.current?.blur() : undefined)}
          />
          {words !== '' && (
            <IconButton icon="close" label="Clear the search" onClick={() => onFilter(filterOfWords('', filter))} />
          )}
          <Button aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
            Time
          </Button>
        </form>
      </div>
      <Views filter={filter} onFilter={onFilter} />
      {isOpen && <Times filter={filter} onFilter={onFilter} />}
    </search>
  );
}

function Views({ filter, onFilter }: { readonly filter: Filter; readonly onFilter: (filter: Filter) => void }) {
  const { state, deferred, inDoubt, ...rest } = filter;
  const isShown = (view: Filter): boolean =>
    view.state === state && view.deferred === deferred && view.inDoubt === inDoubt;
  return (
    <ul className="views" aria-label="States">
      {VIEWS.map(({ name, filter: view }) => (
        <li key={name}>
          <button
            type="button"
            className="view"
            aria-pressed={isShown(view)}
            onClick={() => onFilter({ ...rest, ...view })}
          >
            {name}
          </button>
        </li>
      ))}
    </ul>
  );
}

/** A field for a time gives and takes it in the reader's zone. What somebody wrote into the address may be none: the list says so. */
function localOf(time: string | undefined): string {
  if (time === undefined) return '';
  const at = Number(time);
  const local = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return Number.isNaN(local.getTime()) ? '' : local.toISOString().slice(0, 16);
}

function Times({ filter, onFilter }: { readonly filter: Filter; readonly onFilter: (filter: Filter) => void }) {
  const change = (name: 'createdAfter' | 'createdBefore', local: string): void => {
    const { [name]: _, ...rest } = filter;
    onFilter(local === '' ? rest : { ...rest, [name]: String(new Date(local).getTime()) });
  };
  const fields = [
    ['createdAfter', 'Submitted after'],
    ['createdBefore', 'Submitted before'],
  ] as const;
  return (
    <div className="times">
      {fields.map(([name, label]) => (
        <label key={name} className="field">
          <span>{label}</span>
          <input
            key={filter[name]}
            className="input"
            type="datetime-local"
            defaultValue={localOf(filter[name])}
            onBlur={({ target }) => target.value !== localOf(filter[name]) && change(name, target.value)}
            onKeyDown={({ key, currentTarget }) => key === 'Enter' && change(name, currentTarget.value)}
          />
        </label>
      ))}
      <label className="field">
        <span>Order</span>
        <select
          className="input"
          value={filter.order ?? 'newest'}
          onChange={({ target }) => onFilter({ ...filter, order: target.value === 'oldest' ? 'oldest' : '' })}
        >
          <option value="newest">Newest first</option>
          <option value="oldest">Oldest first</option>
        </select>
      </label>
      <p className="quiet-text zone">Times are those of {ZONE}.</p>
    </div>
  );
}
