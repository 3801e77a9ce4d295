/** `npm run bench`: posthaste and Postfix under the same load, in turn, and how they compare. */
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Contender } from './contender.ts';
import { type Facts, factsOf, showFacts } from './facts.ts';
import { median, round } from './figures.ts';
import { floor } from './floor.ts';
import { type Figures, measure, removeFolders } from './measure.ts';
import { type Case, type Options, readOptions, USAGE } from './options.ts';
import { postfix, postfixFault } from './postfix.ts';
import { posthaste } from './posthaste.ts';
import { run } from './program.ts';

interface Result extends Case {
  readonly runs: number;
  readonly posthaste: Figures;
  readonly postfix: Figures | null;
  /** Of a bare server; null where it was not asked for. */
  readonly floor: Figures | null;
  /** Messages per second of posthaste over those of Postfix; null without Postfix. */
  readonly ratio: number | null;
}

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

async function main(options: Options): Promise<void> {
  const parent = options.folder ?? tmpdir();
  mkdirSync(parent, { recursive: true });
  const fault = options.alone ? 'left out by --alone' : postfixFault();
  if (fault !== undefined) say(`without Postfix: ${fault}`);
  const contenders = fault === undefined ? [posthaste, postfix] : [posthaste];
  const facts = factsOf(parent);
  say(contenders.map((contender) => contender.version()).join('; '));
  say(showFacts(facts));
  if (facts.fileSystem.startsWith('tmpfs'))
    say('Syncing costs nothing in memory: choose a folder on a real disk with --folder.');
  if (!options.json) process.stdout.write(`${HEAD}\n`);
  for (const what of options.cases) {
    const taking = options.floor && what.name !== 'drain' ? [...contenders, floor] : contenders;
    const result = await compare(taking, what, options.runs, parent);
    process.stdout.write(options.json ? `${jsonOf(result, facts)}\n` : showResult(result));
  }
}

function jsonOf({ name, ...rest }: Result, machine: Facts): string {
  return JSON.stringify({ case: name, ...rest, machine });
}

/** A B A B ...: what changes on the machine meanwhile meets both. */
async function compare(contenders: readonly Contender[], what: Case, runs: number, parent: string): Promise<Result> {
  const figures = { posthaste: [] as Figures[], postfix: [] as Figures[], floor: [] as Figures[] };
  for (let run = 1; run <= runs; run++) {
    for (const contender of contenders) {
      const one = await measure(contender, what, parent);
      figures[contender.name].push(one);
      say(`  ${show(what)}, run ${run} of ${runs}, ${contender.name}: ${one.messagesPerSecond.toFixed(0)}/s`);
    }
  }
  const ours = medians(figures.posthaste);
  const theirs = mediansOrNull(figures.postfix);
  const ratio = theirs === null ? null : round(ours.messagesPerSecond / theirs.messagesPerSecond, 2);
  return { ...what, runs, posthaste: ours, postfix: theirs, floor: mediansOrNull(figures.floor), ratio };
}

function medians(figures: readonly Figures[]): Figures {
  return {
    messagesPerSecond: round(median(figures.map((one) => one.messagesPerSecond)), 1),
    p50: medianOrNull(figures.map((one) => one.p50)),
    p99: medianOrNull(figures.map((one) => one.p99)),
    memory: round(median(figures.map((one) => one.memory)), 1),
  };
}

function mediansOrNull(figures: readonly Figures[]): Figures | null {
  return figures.length === 0 ? null : medians(figures);
}

function medianOrNull(values: readonly (number | null)[]): number | null {
  const numbers = values.filter((value) => value !== null);
  return numbers.length === 0 ? null : round(median(numbers), 2);
}

function show({ name, size, sessions, keepConnections }: Case): string {
  return `${name}, ${size} octets, ${sessions} ${keepConnections ? 'kept' : 'reconnecting'} session${sessions === 1 ? '' : 's'}`;
}

const HEAD = [
  '| case | contender | msgs/s | p50 ms | p99 ms | memory MB | ratio |',
  '|---|---|---:|---:|---:|---:|---:|',
].join('\n');

function showResult(result: Result): string {
  const line = (name: string, figures: Figures, ratio: string): string => {
    const { messagesPerSecond, p50, p99, memory } = figures;
    return `| ${show(result)} | ${name} | ${messagesPerSecond} | ${p50 ?? '-'} | ${p99 ?? '-'} | ${memory} | ${ratio} |\n`;
  };
  const ours = line('posthaste', result.posthaste, result.ratio === null ? '-' : String(result.ratio));
  const others = [
    ['Postfix', result.postfix],
    ['floor', result.floor],
  ] as const;
  return others.reduce((lines, [name, figures]) => (figures === null ? lines : lines + line(name, figures, '')), ours);
}

await run(async () => {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) process.stdout.write(USAGE);
  else await main(options);
}, removeFolders);
