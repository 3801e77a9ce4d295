/** Questions about the whole queue that several pages ask, so that one answer serves all of them. */
import { queryOptions } from '@tanstack/react-query';
import type { RelaysAnswer, StatusAnswer } from '../../src/admin/answers.ts';
import { get } from './client.ts';

export const relaysQuery = queryOptions({
  queryKey: ['relays'],
  queryFn: ({ signal }) => get<RelaysAnswer>('/relays', {}, signal),
});

export const statusQuery = queryOptions({
  queryKey: ['status'],
  queryFn: ({ signal }) => get<StatusAnswer>('/status', {}, signal),
});
