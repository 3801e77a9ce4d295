/** Stopping a relay, and letting it go on. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { post, sentenceOf } from '../api/client.ts';
import { Button } from '../design/button.tsx';
import { useToasts } from '../design/toast.tsx';

interface SwitchProps {
  readonly name: string;
  readonly isPaused: boolean;
  readonly isTroubled: boolean;
}

export function Switch({ name, isPaused, isTroubled }: SwitchProps) {
  const { show } = useToasts();
  const resume = useTurn(name, 'resume', () => show({ text: `Relay ${name} goes on.` }));
  const pause = useTurn(name, 'pause', () => show({ text: `Relay ${name} is paused.`, undo: () => resume.mutate() }));
  const isBusy = resume.isPending || pause.isPending;
  return (
    <div className="actions">
      {!isPaused && isTroubled && (
        <Button icon="retry" disabled={isBusy} onClick={() => resume.mutate()} aria-label={`Try now: ${name}`}>
          Try now
        </Button>
      )}
      <Button
        // Another button, so that no click that was meant for one is a click on the other when somebody else was first.
        key={isPaused ? 'resume' : 'pause'}
        icon={isPaused ? 'release' : 'hold'}
        disabled={isBusy}
        onClick={() => (isPaused ? resume.mutate() : pause.mutate())}
        aria-label={`${isPaused ? 'Resume' : 'Pause'} ${name}`}
      >
        {isPaused ? 'Resume' : 'Pause'}
      </Button>
    </div>
  );
}

function useTurn(name: string, to: 'pause' | 'resume', done: () => void) {
  const client = useQueryClient();
  const { show } = useToasts();
  return useMutation({
    mutationFn: () => post(`/relays/${encodeURIComponent(name)}/${to}`),
    onSuccess: done,
    onError: (error) => show({ text: sentenceOf(error), tone: 'bad' }),
    onSettled: () => client.invalidateQueries({ queryKey: ['relays'] }),
  });
}
