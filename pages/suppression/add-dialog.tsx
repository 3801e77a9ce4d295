/** New entries, as many as there are lines. */
import { type FormEvent, useState } from 'react';
import { post } from '../api/client.ts';
import { Button } from '../design/button.tsx';
import { Dialog } from '../design/dialog.tsx';
import { useToasts } from '../design/toast.tsx';
import { counted } from '../format/number.ts';
import { useChange } from './entries.ts';

interface NewEntry {
  readonly target: string;
  readonly reason: string;
  readonly until: number | null;
  readonly note: string | null;
}

function read(form: FormData): readonly NewEntry[] {
  const field = (name: string): string => String(form.get(name) ?? '').trim();
  const until = field('until') === '' ? null : endOfDay(field('until'));
  const rest = { reason: field('reason') || 'asked', until, note: field('note') || null };
  return field('targets')
    .split(/[\s,;]+/)
    .filter((target) => target !== '')
    .map((target) => ({ target, ...rest }));
}

/** In the reader's zone. */
function endOfDay(date: string): number {
  const [year = 0, month = 1, day = 1] = date.split('-').map(Number);
  return new Date(year, month - 1, day + 1).getTime();
}

export function AddDialog({ onClose }: { readonly onClose: () => void }) {
  const { show } = useToasts();
  const [fault, setFault] = useState<string | null>(null);
  const add = useChange(
    (entries: readonly NewEntry[]) => post('/suppressions', { entries }),
    (entries) => {
      const [first] = entries;
      const what =
        entries.length === 1 ? `${first?.target} gets` : `${counted(entries.length, 'entry', 'entries')} get`;
      show({ text: `${what} no more mail.` });
      onClose();
    },
    setFault,
  );
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const entries = read(new FormData(event.currentTarget));
    setFault(entries.length === 0 ? 'Give an address or an @domain.' : null);
    if (entries.length > 0) add.mutate(entries);
  };
  return (
    <Dialog title="Send no more mail to" onClose={onClose}>
      <form className="plain-form" onSubmit={submit}>
        <label className="field">
          <span>Addresses or @domains, one a line</span>
          <textarea className="input" name="targets" rows={3} required placeholder="ann@example.com" />
        </label>
        <label className="field">
          <span>Reason</span>
          <input className="input" name="reason" list="suppression-reasons" placeholder="asked" maxLength={200} />
        </label>
        <datalist id="suppression-reasons">
          {['asked', 'bounced', 'complained', 'unsubscribed'].map((reason) => (
            <option key={reason} value={reason} />
          ))}
        </datalist>
        <label className="field">
          <span>Until the end of (empty: for good)</span>
          <input className="input" name="until" type="date" />
        </label>
        <label className="field">
          <span>Note</span>
          <input className="input" name="note" maxLength={900} />
        </label>
        {fault !== null && (
          <p className="fault" role="alert">
            {fault}
          </p>
        )}
        <footer>
          <Button onClick={onClose}>Back</Button>
          <Button look="primary" type="submit" disabled={add.isPending}>
            Add
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
