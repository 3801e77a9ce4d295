/** The entries of the list, and what changes them. */
import { keepPreviousData, useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import type { SuppressionsAnswer } from '../../src/admin/answers.ts';
import { get, post, sentenceOf } from '../api/client.ts';
import { useToasts } from '../design/toast.tsx';

export type Entry = SuppressionsAnswer['rows'][number];

export const KEY = ['suppressions'];
const PAGE = 100;

export function useEntries(search: string) {
  return useInfiniteQuery({
    queryKey: [...KEY, search],
    queryFn: ({ pageParam, signal }) =>
      get<SuppressionsAnswer>('/suppressions', { search, limit: PAGE, cursor: pageParam }, signal),
    initialPageParam: '',
    getNextPageParam: ({ cursor }) => cursor,
    placeholderData: keepPreviousData,
  });
}

/** What every change shares: the lists are asked for again, and a failure is told, in a note unless there is another place for it. */
export function useChange<Variables, Answer = unknown>(
  change: (variables: Variables) => Promise<Answer>,
  done: (variables: Variables, answer: Answer) => void,
  failed?: (sentence: string) => void,
) {
  const client = useQueryClient();
  const { show } = useToasts();
  return useMutation({
    mutationFn: change,
    onSuccess: (answer, variables) => done(variables, answer),
    onError: (error) =>
      failed === undefined ? show({ text: sentenceOf(error), tone: 'bad' }) : failed(sentenceOf(error)),
    onSettled: () => client.invalidateQueries({ queryKey: KEY }),
  });
}

/** Takes one out; Undo puts it back as it was. */
export function useRemove() {
  const { show } = useToasts();
  const putBack = useChange(
    (entry: Entry) => post('/suppressions', { entries: [entry] }),
    ({ target }) => show({ text: `${target} is in the list again.` }),
  );
  return useChange(
    ({ target }: Entry) => post('/suppressions/remove', { targets: [target] }),
    (entry) => show({ text: `${entry.target} may get mail again.`, undo: () => putBack.mutate(entry) }),
  );
}
