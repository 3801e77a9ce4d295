/** A CSV file: looked through first, and kept only when somebody has seen what came of that. */
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { SuppressionImportAnswer } from '../../src/admin/answers.ts';
import { send, sentenceOf } from '../api/client.ts';
import { Confirm } from '../design/dialog.tsx';
import { useToasts } from '../design/toast.tsx';
import { counted, formatBytes, formatNumber } from '../format/number.ts';
import { useChange } from './entries.ts';

function upload(file: File, dryRun: boolean): Promise<SuppressionImportAnswer> {
  return send('/suppressions/import', file, 'text/csv', { dryRun });
}

export function ImportDialog({ onClose }: { readonly onClose: () => void }) {
  const { show } = useToasts();
  const [file, setFile] = useState<File | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  const look = useMutation({ mutationFn: (chosen: File) => upload(chosen, true) });
  const keep = useChange(
    (chosen: File) => upload(chosen, false),
    (_, { count }) => {
      show({ text: `${counted(count, 'entry', 'entries')} of ${file?.name} are in the list.` });
      onClose();
    },
    setFault,
  );
  const choose = (chosen: File | undefined): void => {
    setFile(chosen ?? null);
    setFault(null);
    look.reset();
    if (chosen !== undefined) look.mutate(chosen);
  };
  const count = look.data?.count ?? 0;
  const error = fault ?? (look.error === null ? null : sentenceOf(look.error));
  return (
    <Confirm
      title="Import a list"
      action={count > 0 ? `Add ${counted(count, 'entry', 'entries')}` : 'Add'}
      isBusy={look.isPending || keep.isPending}
      isDisabled={count === 0}
      onConfirm={() => file !== null && keep.mutate(file)}
      onClose={onClose}
    >
      <p>
        A CSV file whose first line names its columns: <code>target</code> (or <code>email</code>, <code>address</code>
        ), and perhaps <code>reason</code>, <code>since</code>, <code>until</code>, <code>note</code>. Entries that are
        in the list already are replaced.
      </p>
      <label className="field">
        <span>File</span>
        <input
          className="input"
          type="file"
          accept=".csv,text/csv,text/plain"
          onChange={({ target }) => choose(target.files?.[0])}
        />
      </label>
      <div role="status">
        {look.isPending && file !== null && <p>Looking through {formatBytes(file.size)}</p>}
        {keep.isPending && <p>Adding {formatNumber(count)}</p>}
        {look.data !== undefined && !keep.isPending && <Report report={look.data} />}
      </div>
      {error !== null && (
        <p className="fault" role="alert">
          {error}
        </p>
      )}
    </Confirm>
  );
}

function Report({ report: { count, refused, faults } }: { readonly report: SuppressionImportAnswer }) {
  return (
    <>
      <p>
        {counted(count, 'line is an entry', 'lines are entries')}
        {refused > 0 && <>, and {counted(refused, 'is none and will be left out', 'are none and will be left out')}</>}.
      </p>
      {faults.length > 0 && (
        <ul className="faults">
          {faults.map(({ line, fault }) => (
            <li key={line}>
              Line {formatNumber(line)}: {fault}
            </li>
          ))}
          {refused > faults.length && <li>and {formatNumber(refused - faults.length)} more</li>}
        </ul>
      )}
    </>
  );
}
