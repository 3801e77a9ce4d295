/** Clearing the inbox: what is removed is cancelled, and gone when its retention is over. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { post, sentenceOf } from '../api/client.ts';
import { useIsOperator } from '../api/session.ts';
import { Button } from '../design/button.tsx';
import { Confirm } from '../design/dialog.tsx';
import { useToasts } from '../design/toast.tsx';
import { counted } from '../format/number.ts';
import { KEY } from './inbox.ts';

type Chosen = { readonly ids: readonly string[] } | { readonly filter: { readonly state: readonly string[] } };

function useRemove(done: (count: number) => void) {
  const client = useQueryClient();
  const { show } = useToasts();
  return useMutation({
    mutationFn: (chosen: Chosen) => post<{ readonly count: number }>('/messages/cancel', chosen),
    onSuccess: ({ count }) => done(count),
    onError: (error) => show({ text: sentenceOf(error), tone: 'bad' }),
    onSettled: () => client.invalidateQueries({ queryKey: KEY }),
  });
}

export function RemoveOne({ id, onRemoved }: { readonly id: string; readonly onRemoved: () => void }) {
  const { show } = useToasts();
  const remove = useRemove(() => {
    show({ text: 'The message is removed.' });
    onRemoved();
  });
  if (!useIsOperator()) return null;
  return (
    <Button icon="trash" disabled={remove.isPending} onClick={() => remove.mutate({ ids: [id] })}>
      Remove
    </Button>
  );
}

export function RemoveAll({ onClose }: { readonly onClose: () => void }) {
  const { show } = useToasts();
  const remove = useRemove((count) => {
    show({ text: `${counted(count, 'delivery is', 'deliveries are')} removed.` });
    onClose();
  });
  return (
    <Confirm
      title="Remove all captured messages?"
      action="Remove all"
      isDanger
      isBusy={remove.isPending}
      onConfirm={() => remove.mutate({ filter: { state: ['captured'] } })}
      onClose={onClose}
    >
      <p>They are cancelled, and stay among the messages until their retention is over.</p>
    </Confirm>
  );
}
