/** What can be done with a webhook: trying it, letting it go on, and telling it again what it missed. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { WebhookTestAnswer } from '../../src/admin/answers.ts';
import { post, sentenceOf } from '../api/client.ts';
import { useToasts } from '../design/toast.tsx';
import { counted } from '../format/number.ts';
import { formatDuration } from '../format/time.ts';

export const KEY = ['webhooks'];

function useChange<Answer, Variables = void>(
  change: (variables: Variables) => Promise<Answer>,
  done: (answer: Answer) => void,
) {
  const client = useQueryClient();
  const { show } = useToasts();
  return useMutation({
    mutationFn: change,
    onSuccess: (answer) => done(answer),
    onError: (error) => show({ text: sentenceOf(error), tone: 'bad' }),
    onSettled: () => client.invalidateQueries({ queryKey: KEY }),
  });
}

const pathOf = (name: string, what: string): string => `/webhooks/${encodeURIComponent(name)}/${what}`;

export function useTest(name: string) {
  const { show } = useToasts();
  return useChange(
    () => post<WebhookTestAnswer>(pathOf(name, 'test')),
    ({ ok, status, error, durationMs }) =>
      show(
        ok
          ? { text: `${name} answered ${status} after ${formatDuration(durationMs)}.` }
          : { text: `${name}: ${error}`, tone: 'bad' },
      ),
  );
}

export function useEnable(name: string) {
  const { show } = useToasts();
  return useChange(
    () => post(pathOf(name, 'enable')),
    () => show({ text: `${name} goes on.` }),
  );
}

/** Without ids all that failed. */
export function useResend(name: string) {
  const { show } = useToasts();
  return useChange(
    (ids: readonly string[] | undefined) => post<{ readonly count: number }>(pathOf(name, 'resend'), { ids }),
    ({ count }) => show({ text: `${counted(count, 'event is', 'events are')} on the way to ${name} again.` }),
  );
}
