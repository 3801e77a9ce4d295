/** What is shown is asked for again when something happened to it: soon, and once for many things that happen together. */
import { type QueryKey, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';

/** Returns what tells that something happened. Asks `after` ms later, and again no sooner than that behind the answer. */
export function useRefresh(queryKey: QueryKey, after: number): () => void {
  const client = useQueryClient();
  const timer = useRef<number | undefined>(undefined);
  const isShown = useRef(true);
  const isMissed = useRef(false);
  const ask = async (): Promise<void> => {
    isMissed.current = false;
    await client.invalidateQueries({ queryKey });
    timer.current = undefined;
    // What came while it was being answered may not be in the answer.
    if (isMissed.current && isShown.current) tell();
  };
  const tell = (): void => {
    isMissed.current = true;
    timer.current ??= setTimeout(() => void ask(), after) as unknown as number;
  };
  useEffect(() => {
    isShown.current = true;
    return () => {
      isShown.current = false;
      clearTimeout(timer.current);
    };
  }, []);
  return tell;
}
