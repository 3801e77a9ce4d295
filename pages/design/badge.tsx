/** States in a word and a colour, never in a colour alone. */
import type { ReactNode } from 'react';
import type { State } from '../../src/admin/answers.ts';

export type Tone = 'good' | 'warn' | 'bad' | 'busy' | 'doubt' | 'plain';

export function Badge({ tone = 'plain', children }: { readonly tone?: Tone; readonly children: ReactNode }) {
  return (
    <span className="badge" data-tone={tone}>
      {children}
    </span>
  );
}

const TONES: Readonly<Record<State, Tone>> = {
  queued: 'busy',
  sending: 'busy',
  sent: 'good',
  captured: 'good',
  held: 'warn',
  bounced: 'bad',
  cancelled: 'plain',
};

/** People call what waits after an attempt deferred, and what was stopped by the list suppressed. */
export function StateBadge(delivery: {
  readonly state: State;
  readonly attempts: number;
  readonly inDoubt: boolean;
  readonly reason: string | null;
}) {
  const { state, attempts, inDoubt, reason } = delivery;
  if (inDoubt) return <Badge tone="doubt">{state === 'queued' ? 'in doubt' : `${state}, in doubt`}</Badge>;
  if (state === 'queued' && attempts > 0) return <Badge tone="warn">deferred</Badge>;
  if (state === 'bounced' && reason === 'suppressed') return <Badge tone="bad">suppressed</Badge>;
  return <Badge tone={TONES[state]}>{state}</Badge>;
}
