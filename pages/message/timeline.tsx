/** What happened, in order, and what is to come. */
import { useState } from 'react';
import type { FoundAnswer } from '../../src/admin/answers.ts';
import type { Tone } from '../design/badge.tsx';
import { Button } from '../design/button.tsx';
import { Moment } from '../format/moment.tsx';
import { counted } from '../format/number.ts';
import { formatDuration } from '../format/time.ts';

type Entry = FoundAnswer['timeline'][number];

/** Of a message that was tried again and again, or has hundreds of recipients. */
const SHOWN = 60;

const WORDS: Readonly<Record<string, { readonly text: string; readonly tone: Tone }>> = {
  submitted: { text: 'Submitted', tone: 'busy' },
  sent: { text: 'Sent', tone: 'good' },
  captured: { text: 'Captured', tone: 'good' },
  deferred: { text: 'Deferred', tone: 'warn' },
  refused: { text: 'Refused', tone: 'bad' },
  'in doubt': { text: 'In doubt: the connection broke before the answer', tone: 'doubt' },
  crashed: { text: 'The process ended during the attempt', tone: 'doubt' },
  held: { text: 'Held', tone: 'warn' },
  suppressed: { text: 'Suppressed: nothing is sent to this address', tone: 'bad' },
  bounced: { text: 'Bounced', tone: 'bad' },
  cancelled: { text: 'Cancelled', tone: 'plain' },
  expires: { text: 'Will be given up, if it cannot be sent until then', tone: 'plain' },
};

export function Timeline({ entries, recipients }: { readonly entries: readonly Entry[]; readonly recipients: number }) {
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? entries : entries.slice(-SHOWN);
  const hidden = entries.length - shown.length;
  return (
    <section className="card">
      <header>
        <h2>What happened</h2>
        {hidden > 0 && <Button onClick={() => setWhole(true)}>Show {counted(hidden, 'earlier one')}</Button>}
      </header>
      <ol className="timeline card-body">
        {shown.map((entry, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: it only grows at its end.
          <li key={hidden + i} data-tone={WORDS[entry.kind]?.tone ?? 'plain'}>
            <div className="timeline-line">
              <strong>{WORDS[entry.kind]?.text ?? entry.kind}</strong>
              {entry.recipient !== null && recipients > 1 && <span>{entry.recipient}</span>}
              {entry.relay !== null && <span className="quiet-text">by {entry.relay}</span>}
              {entry.durationMs !== null && <span className="quiet-text">in {formatDuration(entry.durationMs)}</span>}
              <span className="quiet-text timeline-time">
                <Moment at={entry.at} as="exact" />
              </span>
            </div>
            {entry.reply !== null && (
              <pre className="reply">
                {entry.reply.code} {entry.reply.status} {entry.reply.text}
              </pre>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}
