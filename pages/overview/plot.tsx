/** Lines over time. Who cannot see them is told their sums. */
import { useEffect, useRef } from 'react';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useTheme } from '../app/theme.ts';

export interface Series {
  readonly name: string;
  /** The name of a custom property. */
  readonly colour: string;
  readonly values: readonly number[];
  /** What is told of all of them, while nobody points at one. */
  readonly whole: string;
}

interface PlotProps {
  readonly title: string;
  readonly summary: string;
  /** The time in which they lie, as "last hour". */
  readonly span: string;
  /** Begins of spans, ms. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
  readonly show: (value: number) => string;
  /** Values are spans of time: the axis has steps that people count in. */
  readonly isTime?: boolean;
}

const HEIGHT = 190;
const TIME_STEPS = [
  1_000, 5_000, 15_000, 60_000, 300_000, 900_000, 3_600_000, 10_800_000, 43_200_000, 86_400_000, 432_000_000,
  2_592_000_000,
];
const COUNT_STEPS = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((power) => [1, 2, 5].map((step) => step * 10 ** power));

export function Plot({ title, summary, span, times, series, show, isTime = false }: PlotProps) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | null>(null);
  const theme = useTheme();
  const isDark = useSystemDark();
  const names = series.map(({ name }) => name).join();
  const atRest = useRef<readonly string[]>([]);
  atRest.current = [span, ...series.map(({ whole }) => whole)];
  const data = [times.map((at) => at / 1_000), ...series.map(({ values }) => [...values])] as UPlot.AlignedData;

  // biome-ignore lint/correctness/useExhaustiveDependencies: colours come from the theme, and new values go into the plot that is there.
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const made = new UPlot(options(element, { series, show, isTime, atRest }), data, element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [names, theme, isDark, isTime]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: as the values of both are.
  useEffect(() => {
    plot.current?.setData(data);
    // uPlot leaves what nobody points at as it was.
    if (plot.current?.cursor.idx == null) plot.current?.setLegend({ idx: null } as never, false);
  }, [times, series]);
  return (
    <figure className="plot">
      <figcaption>{title}</figcaption>
      <p className="visually-hidden">{summary}</p>
      <div ref={frame} aria-hidden="true" />
    </figure>
  );
}

function useSystemDark(): boolean {
  return matchMedia('(prefers-color-scheme: dark)').matches;
}

/** What a custom property is for this element: uPlot draws on a canvas, which knows none. */
function colourOf(element: HTMLElement, name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

interface Drawn extends Pick<PlotProps, 'series' | 'show'> {
  readonly isTime: boolean;
  /** What the legend says while nobody points at a time: of the times, and of each series. */
  readonly atRest: { readonly current: readonly string[] };
}

function options(element: HTMLElement, { series, show, isTime, atRest }: Drawn): UPlot.Options {
  const legend =
    (shown: (value: number) => string): UPlot.Series.Value =>
    (_, value, index, at) =>
      at === null ? (atRest.current[index] ?? '') : value === null ? '' : shown(value);
  const colour = (name: string): string => colourOf(element, name);
  const axis: UPlot.Axis = {
    stroke: colour('--text-quiet'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
  };
  const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
  const day = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
  return {
    width: element.clientWidth,
    height: HEIGHT,
    scales: { y: { range: (_, __, most) => [0, Math.max(most * 1.1, isTime ? 60_000 : 4)] } },
    axes: [
      {
        ...axis,
        size: 30,
        values: (_, splits, __, ___, step) => splits.map((at) => (step >= 86_400 ? day : clock).format(at * 1_000)),
      },
      {
        ...axis,
        size: 66,
        incrs: isTime ? TIME_STEPS : COUNT_STEPS,
        values: (_, splits) => splits.map((value) => show(value)),
      },
    ],
    series: [
      { value: legend((at) => exact.format(at * 1_000)) },
      ...series.map(
        ({ name, colour: own }): UPlot.Series => ({
          label: name,
          stroke: colour(own),
          width: 1.8,
          points: { show: false },
          ...(series.length === 1 && { fill: `color-mix(in srgb, ${colour(own)} 16%, transparent)` }),
          value: legend(show),
        }),
      ),
    ],
    cursor: { drag: { x: false, y: false } },
  };
}
