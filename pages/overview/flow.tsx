/** What came and went over time, and how long the oldest waited. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { FlowAnswer } from '../../src/admin/answers.ts';
import { get } from '../api/client.ts';
import { ErrorState, Skeleton } from '../design/states.tsx';
import { formatNumber } from '../format/number.ts';
import { formatDuration } from '../format/time.ts';
import { Plot, type Series } from './plot.tsx';

const SPANS = ['hour', 'day', 'week', 'month'] as const;
type Span = (typeof SPANS)[number];

const COUNTS = [
  { name: 'Submitted', of: 'accepted', colour: '--plot-1' },
  { name: 'Sent', of: 'sent', colour: '--plot-2' },
  { name: 'Captured', of: 'captured', colour: '--plot-4' },
  { name: 'Bounced', of: 'bounced', colour: '--plot-3' },
] as const;

export function Flow() {
  const [span, setSpan] = useState<Span>('hour');
  const { data, error, refetch } = useQuery({
    queryKey: ['flow', span],
    queryFn: ({ signal }) => get<FlowAnswer>('/flow', { span }, signal),
    refetchInterval: span === 'hour' ? 15_000 : 120_000,
  });
  return (
    <section className="card">
      <header>
        <h2>What came and went</h2>
        <fieldset className="spans">
          <legend className="visually-hidden">The last</legend>
          {SPANS.map((each) => (
            <button
              key={each}
              type="button"
              className="view"
              aria-pressed={each === span}
              onClick={() => setSpan(each)}
            >
              {each}
            </button>
          ))}
        </fieldset>
      </header>
      {error !== null && <ErrorState error={error} retry={refetch} />}
      {error === null && data === undefined && (
        <div className="card-body plots-wait">
          <Skeleton lines={5} />
        </div>
      )}
      {data !== undefined && <Plots span={span} flow={data} />}
    </section>
  );
}

function Plots({ span, flow: { spans, widthMs } }: { readonly span: Span; readonly flow: FlowAnswer }) {
  const times = spans.map(({ at }) => at);
  const counts = COUNTS.map(({ name, of, colour }) => {
    const values = spans.map((each) => each[of]);
    return { name, colour, values, whole: formatNumber(sum(values)) };
  });
  const shown = counts.filter(({ name, values }) => name !== 'Captured' || values.some((value) => value > 0));
  const oldest = spans.map(({ oldest }) => oldest);
  const most = `at most ${formatDuration(Math.max(0, ...oldest))}`;
  const ages: readonly Series[] = [{ name: 'Oldest', colour: '--plot-4', values: oldest, whole: most }];
  const width = formatDuration(widthMs);
  return (
    <div className="plots card-body">
      <Plot
        title={`Per ${width}`}
        summary={`The last ${span}: ${shown.map(({ name, whole }) => `${whole} ${name.toLowerCase()}`).join(', ')}.`}
        span={`last ${span}`}
        times={times}
        series={shown}
        show={formatNumber}
      />
      <Plot
        title="How long the oldest of what waited had waited"
        summary={`The last ${span}: ${most}.`}
        span={`last ${span}`}
        times={times}
        series={ages}
        show={formatDuration}
        isTime
      />
    </div>
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}
