/** When a relay that failed is tried next: pure. */
import type { RelaysAnswer } from '../../src/admin/answers.ts';

/** The last of all that it waits for; 0: nothing. */
export function nextTryOf({
  probeAt,
  pace,
  limitedUntil,
}: Pick<RelaysAnswer['relays'][number], 'probeAt' | 'pace' | 'limitedUntil'>): number {
  return Math.max(probeAt ?? 0, pace?.restUntil ?? 0, limitedUntil ?? 0);
}
