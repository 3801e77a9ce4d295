/** What to measure, from the command line. */
import { parseArgs } from 'node:util';

export const CASES = ['accept', 'drain', 'end-to-end'] as const;
export type CaseName = (typeof CASES)[number];

/** One line of the results. */
export interface Case {
  readonly name: CaseName;
  /** Octets of the body of each message. */
  readonly size: number;
  /** Clients at once. */
  readonly sessions: number;
  readonly keepConnections: boolean;
  /** Messages in each run; undefined: what fits into the time of a run. */
  readonly messages: number | undefined;
}

export interface Options {
  readonly cases: readonly Case[];
  readonly runs: number;
  readonly json: boolean;
  /** Where the temporary folders go: the disk that is measured. */
  readonly folder: string | undefined;
  readonly alone: boolean;
  /** With the bound that `accept` has on this machine. */
  readonly floor: boolean;
}

export const USAGE = `npm run bench -- [options]
  --case NAME          accept, drain or end-to-end (default: all)
  --size BYTES         body of each message (default: 4096 and 40960)
  --sessions N         clients at once (default: 1, 20 and 100)
  --keep-connections   many messages over each connection (default: both ways; --no-keep-connections: reconnect for each)
  --messages N         messages in each run (default: what takes each program about 8 s)
  --runs N             runs of each contender, alternating (default: 3)
  --folder PATH        where to keep the queues: the disk that is measured (default: a temporary folder)
  --alone              posthaste without Postfix
  --floor              in accept and end-to-end, also a bare server that answers, makes one synced write, and relays: what a queue cannot go below
  --json               one JSON object a line for each case
Giving a case, a size, or a number of sessions leaves the other defaults as they are, but only reconnecting clients
are measured unless --keep-connections says otherwise.
`;

const MAX = { size: 50_000_000, sessions: 250, messages: 200_000, runs: 50 } as const;

const FLAGS = {
  case: { type: 'string' },
  size: { type: 'string' },
  sessions: { type: 'string' },
  'keep-connections': { type: 'boolean' },
  messages: { type: 'string' },
  runs: { type: 'string' },
  folder: { type: 'string' },
  alone: { type: 'boolean', default: false },
  floor: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** Throws with what is wrong; undefined when only help was asked for. */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({ args: [...args], options: FLAGS, allowNegative: true });
  if (values.help) return undefined;
  const whole = [values.case, values.size, values.sessions].every((value) => value === undefined);
  const wanted = {
    names: values.case === undefined ? CASES : [caseName(values.case)],
    sizes: values.size === undefined ? [4096, 40_960] : [count('size', values.size)],
    sessions: values.sessions === undefined ? [1, 20, 100] : [count('sessions', values.sessions)],
    keeping: whole && values['keep-connections'] === undefined ? [false, true] : [values['keep-connections'] ?? false],
    messages: values.messages === undefined ? undefined : count('messages', values.messages),
  };
  return {
    cases: wanted.names.flatMap((name) => casesOf(name, wanted)),
    runs: values.runs === undefined ? 3 : count('runs', values.runs),
    json: values.json,
    folder: values.folder,
    alone: values.alone,
    floor: values.floor,
  };
}

interface Wanted {
  readonly sizes: readonly number[];
  readonly sessions: readonly number[];
  readonly keeping: readonly boolean[];
  readonly messages: number | undefined;
}

/** How the queue was filled does not matter to a drain: it is measured once for each size. */
function casesOf(name: CaseName, wanted: Wanted): Case[] {
  const sessions = name === 'drain' ? wanted.sessions.slice(-1) : wanted.sessions;
  const keeping = name === 'drain' ? wanted.keeping.slice(-1) : wanted.keeping;
  return wanted.sizes.flatMap((size) =>
    sessions.flatMap((n) =>
      keeping.map((keepConnections) => ({
        name,
        size,
        sessions: n,
        keepConnections,
        messages: wanted.messages,
      })),
    ),
  );
}

function caseName(text: string): CaseName {
  const found = CASES.find((name) => name === text);
  if (found === undefined) throw new Error(`--case ${text}: choose one of ${CASES.join(', ')}`);
  return found;
}

function count(name: keyof typeof MAX, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= MAX[name]) return value;
  throw new Error(`--${name} ${text}: give a whole number from 1 to ${MAX[name]}`);
}
