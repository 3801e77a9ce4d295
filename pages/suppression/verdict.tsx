/** Whether a whole address would get mail now: an entry for its domain is none that contains it. */
import { useQuery } from '@tanstack/react-query';
import { useDeferredValue } from 'react';
import type { SuppressingAnswer } from '../../src/admin/answers.ts';
import { get } from '../api/client.ts';
import { Moment } from '../format/moment.tsx';
import { KEY } from './entries.ts';

const WHOLE = /^[^@\s]+@[^@\s]+\.[^@\s.]{2,}$/;

export function Verdict({ address }: { readonly address: string }) {
  const asked = useDeferredValue(address);
  const { data } = useQuery({
    queryKey: [...KEY, 'lookup', asked],
    queryFn: ({ signal }) => get<SuppressingAnswer>('/suppressions/lookup', { address: asked }, signal),
    enabled: WHOLE.test(asked),
  });
  if (!WHOLE.test(address) || data === undefined) return null;
  const { entry } = data;
  return (
    <p className="card card-body verdict" role="status">
      {entry === null ? (
        <>
          <strong>{asked}</strong> gets mail: nothing in the list is about it or its domain.
        </>
      ) : (
        <>
          <strong>{asked}</strong> gets no mail: {entry.target} is in the list since{' '}
          <Moment at={entry.since} as="short" /> ({entry.reason}).
        </>
      )}
    </p>
  );
}
