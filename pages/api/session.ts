/** Who looks at the pages, and what they may do. */
import { queryOptions, useQuery, useQueryClient } from '@tanstack/react-query';
import type { SessionAnswer } from '../../src/admin/answers.ts';
import { get, post, remove } from './client.ts';

const KEY = ['session'];

export const sessionQuery = queryOptions({
  queryKey: KEY,
  queryFn: ({ signal }) => get<SessionAnswer>('/session', {}, signal),
  staleTime: Number.POSITIVE_INFINITY,
});

export function useSession() {
  return useQuery(sessionQuery);
}

/** Viewers see no actions. */
export function useIsOperator(): boolean {
  return useSession().data?.role === 'operator';
}

export function useLogin(): {
  readonly login: (name: string, password: string) => Promise<void>;
  readonly logout: () => Promise<void>;
} {
  const client = useQueryClient();
  return {
    async login(name, password) {
      client.setQueryData(KEY, await post<SessionAnswer>('/session', { name, password }));
    },
    async logout() {
      await remove('/session');
      const session = await get<SessionAnswer>('/session');
      // Nothing that one person saw stays for the next.
      client.setQueryData(KEY, session);
      client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== KEY[0] });
    },
  };
}
