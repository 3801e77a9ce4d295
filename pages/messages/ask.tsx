/** How many it would be, before it is done. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { sentenceOf } from '../api/client.ts';
import { Confirm } from '../design/dialog.tsx';
import { counted } from '../format/number.ts';
import { type Action, act, type Chosen } from './actions.ts';

export function Ask({
  action,
  chosen,
  onConfirm,
  onClose,
}: {
  readonly action: Action;
  readonly chosen: Chosen;
  /** With no more than was counted. */
  readonly onConfirm: (counted: Chosen) => Promise<void>;
  readonly onClose: () => void;
}) {
  const [isBusy, setBusy] = useState(false);
  const { data, error } = useQuery({
    queryKey: ['dry run', action.name, chosen],
    queryFn: () => act(action.name, chosen, true),
    staleTime: 0,
    gcTime: 0,
  });
  const count = data?.count;
  const isNothing = count === 0 || count === undefined;
  return (
    <Confirm
      title={
        count === undefined
          ? `${action.label}: counting`
          : `${action.label} ${counted(count, 'delivery', 'deliveries')}?`
      }
      action={action.label === 'Cancel' ? `Cancel ${count === 1 ? 'it' : 'them'}` : action.label}
      isDanger={action.name === 'cancel'}
      isBusy={isBusy || (count === undefined && error === null)}
      isDisabled={isNothing}
      onClose={onClose}
      onConfirm={() => {
        setBusy(true);
        void onConfirm('filter' in chosen ? { ...chosen, countedAt: data?.at } : chosen);
      }}
    >
      {error !== null && <p role="alert">{sentenceOf(error)}</p>}
      <p>
        {count === 0
          ? action.nothing
          : (action.warning ?? 'This is for all that the filter finds, also what is not loaded.')}
      </p>
    </Confirm>
  );
}
