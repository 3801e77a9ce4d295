/** What is in the message. Its HTML stands in a frame that runs nothing and loads nothing from elsewhere unless asked. */
import { useQuery } from '@tanstack/react-query';
import { type KeyboardEvent, useState } from 'react';
import type { ContentAnswer } from '../../src/admin/answers.ts';
import { apiUrl, get, sentenceOf } from '../api/client.ts';
import { Button } from '../design/button.tsx';
import { Icon } from '../design/icon.tsx';
import { Empty, ErrorState, Skeleton } from '../design/states.tsx';
import { counted, formatBytes } from '../format/number.ts';

const TABS = ['HTML', 'Text', 'Source', 'Headers', 'Attachments'] as const;
type Tab = (typeof TABS)[number];

/** Of the source, octets: what is longer is for a file. */
const MOST_SOURCE = 500_000;

export function Content({ id, isKept }: { readonly id: string; readonly isKept: boolean }) {
  return (
    <section className="card">
      {isKept ? (
        <Parts id={id} />
      ) : (
        <Empty icon="file" title="The content was not kept">
          <p>It was dropped when all recipients had their end, as it was submitted or set.</p>
        </Empty>
      )}
    </section>
  );
}

function Parts({ id }: { readonly id: string }) {
  const { data, error, refetch } = useQuery({
    queryKey: ['content', id],
    queryFn: ({ signal }) => get<ContentAnswer>(`/messages/${id}/content`, {}, signal),
    // What was submitted never changes.
    staleTime: Number.POSITIVE_INFINITY,
  });
  const [chosen, setChosen] = useState<Tab | null>(null);
  if (error !== null) return <ErrorState error={error} retry={refetch} />;
  if (data === undefined)
    return (
      <div className="card-body">
        <Skeleton lines={6} />
      </div>
    );
  const tabs = TABS.filter((tab) => has(tab, data));
  const tab = chosen ?? tabs[0] ?? 'Source';
  return (
    <>
      <Tabs tabs={tabs} tab={tab} content={data} onChoose={setChosen} />
      <div role="tabpanel" id="content-panel" aria-labelledby={`tab-${tab}`} className="content">
        {data.partial && (
          <p className="content-note">
            It is too large, or too strange, to be taken apart: the header is all that is shown.
          </p>
        )}
        {tab === 'HTML' && <Html id={id} />}
        {tab === 'Text' && <Plain text={data.text ?? ''} />}
        {tab === 'Source' && <Source id={id} />}
        {tab === 'Headers' && <Headers headers={data.headers} />}
        {tab === 'Attachments' && <Attachments id={id} attachments={data.attachments} />}
      </div>
    </>
  );
}

function has(tab: Tab, { html, text, attachments }: ContentAnswer): boolean {
  if (tab === 'HTML') return html !== null;
  if (tab === 'Text') return text !== null;
  return tab !== 'Attachments' || attachments.length > 0;
}

/** Arrows move among them, as with tabs everywhere (WAI-ARIA Authoring Practices). */
function Tabs({
  tabs,
  tab,
  content,
  onChoose,
}: {
  readonly tabs: readonly Tab[];
  readonly tab: Tab;
  readonly content: ContentAnswer;
  readonly onChoose: (tab: Tab) => void;
}) {
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length] as Tab;
    onChoose(next);
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <div role="tablist" aria-label="Content" className="tabs" onKeyDown={onKeyDown}>
      {tabs.map((each) => (
        <button
          key={each}
          type="button"
          role="tab"
          id={`tab-${each}`}
          aria-selected={each === tab}
          aria-controls="content-panel"
          tabIndex={each === tab ? 0 : -1}
          onClick={() => onChoose(each)}
        >
          {each}
          {each === 'Attachments' && ` (${content.attachments.length})`}
        </button>
      ))}
    </div>
  );
}

const WIDTHS = [
  ['Whole width', '100%'],
  ['Phone', '390px'],
] as const;

function Html({ id }: { readonly id: string }) {
  const [isRemote, setRemote] = useState(false);
  const [width, setWidth] = useState<string>(WIDTHS[0][1]);
  return (
    <>
      <div className="content-bar">
        <span className="quiet-text">
          {isRemote
            ? 'Images come from elsewhere: their servers learn that somebody looks.'
            : 'Nothing is loaded from elsewhere.'}
        </span>
        <span className="actions">
          {WIDTHS.map(([name, each]) => (
            <Button key={each} look="quiet" aria-pressed={each === width} onClick={() => setWidth(each)}>
              {name}
            </Button>
          ))}
          {!isRemote && <Button onClick={() => setRemote(true)}>Load remote images</Button>}
        </span>
      </div>
      <iframe
        key={String(isRemote)}
        title="The HTML of the message"
        className="content-frame"
        style={{ width }}
        sandbox="allow-popups allow-popups-to-escape-sandbox"
        referrerPolicy="no-referrer"
        src={apiUrl(`/messages/${id}/html`, isRemote ? { remote: true } : {})}
      />
    </>
  );
}

function Source({ id }: { readonly id: string }) {
  const { data, error } = useQuery({
    queryKey: ['source', id],
    queryFn: ({ signal }) => sourceOf(id, signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (error !== null) return <p className="content-note">{sentenceOf(error)}</p>;
  return (
    <>
      <div className="content-bar">
        <span className="quiet-text">
          {data?.isWhole === false && `The first ${formatBytes(MOST_SOURCE)}; all of it is in the file.`}
        </span>
        <a className="button" href={apiUrl(`/messages/${id}/raw`)} download={`${id}.eml`}>
          <Icon name="download" />
          Download
        </a>
      </div>
      {data === undefined ? <Skeleton /> : <Plain text={data.text} />}
    </>
  );
}

/** No more than its beginning, however long it is. */
async function sourceOf(
  id: string,
  signal: AbortSignal,
): Promise<{ readonly text: string; readonly isWhole: boolean }> {
  const response = await fetch(apiUrl(`/messages/${id}/raw`), { signal });
  if (!response.ok || response.body === null) throw new Error('The source cannot be read.');
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  let text = '';
  while (text.length < MOST_SOURCE) {
    const { done, value } = await reader.read();
    if (done) return { text: text + decoder.decode(), isWhole: true };
    text += decoder.decode(value, { stream: true });
  }
  await reader.cancel();
  return { text: text.slice(0, MOST_SOURCE), isWhole: false };
}

/** It scrolls, and so the keys must be able to get there. */
function Plain({ text }: { readonly text: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: as above.
    <pre className="content-text" tabIndex={0}>
      {text}
    </pre>
  );
}

function Headers({ headers }: { readonly headers: ContentAnswer['headers'] }) {
  return (
    <div className="table-scroll">
      <table className="table message-headers">
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">Value</th>
          </tr>
        </thead>
        <tbody>
          {headers.map(({ name, value }, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: they never move, and names come more than once.
            <tr key={i}>
              <td>
                <strong>{name}</strong>
              </td>
              <td>{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Attachments({ id, attachments }: { readonly id: string; readonly attachments: ContentAnswer['attachments'] }) {
  return (
    <ul className="attachments" aria-label={counted(attachments.length, 'attachment')}>
      {attachments.map(({ part, filename, type, size, inline }) => (
        <li key={part}>
          <a href={apiUrl(`/messages/${id}/attachments/${part}`)} download={filename ?? ''}>
            <Icon name="file" />
            {filename ?? `Attachment ${part + 1}`}
          </a>
          <span className="quiet-text">
            {type} · {formatBytes(size)}
            {inline && ' · part of the HTML'}
          </span>
        </li>
      ))}
    </ul>
  );
}
