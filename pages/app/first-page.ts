/** Which page comes first: where all mail is captured, the mail; else how the queue stands. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useLocation } from 'wouter';
import type { RelaysAnswer } from '../../src/admin/answers.ts';
import { relaysQuery, statusQuery } from '../api/queue.ts';

/** False until it is known where somebody who comes without an address belongs. Later the overview is where it says it is. */
export function useFirstPage(): boolean {
  const [location, navigate] = useLocation();
  const [isDecided, setDecided] = useState(location !== '/');
  const { data, isError } = useQuery({ ...relaysQuery, enabled: !isDecided });
  const client = useQueryClient();
  useEffect(() => {
    // Most come for this: it is on its way while the relays are asked for, and both take one count of all deliveries.
    if (!isDecided) void client.prefetchQuery(statusQuery);
  }, [client, isDecided]);
  useEffect(() => {
    if (isDecided || (data === undefined && !isError)) return;
    if (data !== undefined && isCapturing(data)) navigate('/capture', { replace: true });
    setDecided(true);
  }, [isDecided, data, isError, navigate]);
  return isDecided;
}

function isCapturing({ relays }: RelaysAnswer): boolean {
  return relays.length > 0 && relays.every(({ url }) => url?.startsWith('capture:') ?? false);
}
