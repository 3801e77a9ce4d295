/** What a scripted relay can do instead of what it should: plain values, so that a test reads as a table. */

import { checkOptions, PosthasteError } from '../../errors.ts';

/** The points of a dialogue at which a script may act. `tls`: instead of the handshake. `answer`: to a challenge of a login. `block`: when the first octets of a content come. */
export type Point = (typeof POINTS)[number];

const POINTS = [
  ...(['connect', 'tls', 'ehlo', 'helo', 'starttls', 'auth', 'answer', 'mail'] as const),
  ...(['rcpt', 'data', 'block', 'dot', 'rset', 'quit', 'other'] as const),
] as const;

/** What a relay does at a point of the dialogue. */
export type Action =
  /** A reply, lines joined with a newline: `550 5.1.1 no such user`. */
  | string
  | { readonly kind: 'usual' | 'drop' | 'reset' | 'half-close' | 'silence' | 'drop-after-usual' }
  /** These octets, as they are. */
  | { readonly kind: 'raw'; readonly octets: string }
  /** An unfinished reply, one octet at a time until the connection ends: slow, but never silent. */
  | { readonly kind: 'trickle'; readonly octets: string; readonly everyMs: number }
  /** Does what it should, and its reply leaves one octet at a time. */
  | { readonly kind: 'slow' }
  | { readonly kind: 'after'; readonly wait: Promise<unknown>; readonly then: Action }
  | { readonly kind: 'sequence'; readonly actions: readonly Action[] };

/** As if nothing were scripted. */
export const usual: Action = { kind: 'usual' };
/** Ends the connection in good order, without a word. */
export const drop: Action = { kind: 'drop' };
/** Ends it with RST. */
export const reset: Action = { kind: 'reset' };
/** Says that nothing more will come, and goes on listening. */
export const halfClose: Action = { kind: 'half-close' };
/** Says nothing ever again, and reads nothing more. */
export const silence: Action = { kind: 'silence' };
/** Does what it should, and then ends the connection. */
export const dropAfterUsual: Action = { kind: 'drop-after-usual' };

/** Does what it should; its replies come one octet at a time, and whole in the end. */
export const slow: Action = { kind: 'slow' };

/** Sends these octets as they are. */
export const raw = (octets: string): Action => ({ kind: 'raw', octets });
/** Sends an unfinished reply, one octet every so many milliseconds, until the connection ends. */
export const trickle = (octets: string, everyMs = 5): Action => ({ kind: 'trickle', octets, everyMs });
/** Delays an action until a promise resolves. */
export const when = (wait: Promise<unknown>, then: Action = usual): Action => ({ kind: 'after', wait, then });
/** One after the other: `inTurn('421 4.3.2 bye', drop)`. */
export const inTurn = (...actions: readonly Action[]): Action => ({ kind: 'sequence', actions });

/** One action for every time, or a list for the first, second ... time over all connections; behind its end, all is as usual. A function sees the command. */
export type Script = Partial<Record<Point, Action | readonly Action[] | ((command: string) => Action)>>;

/** The action for the `time`th (from 0) passing of a point. */
export function actionAt(script: Script, point: Point, time: number, command: string): Action {
  const entry = script[point];
  if (entry === undefined) return usual;
  if (typeof entry === 'function') return entry(command);
  return isList(entry) ? (entry[time] ?? usual) : entry;
}

/** Throws OPTION_INVALID: what is misspelt would never happen. */
export function checkScript(script: Script): void {
  checkOptions(script);
  const unknown = Object.keys(script).find((name) => !(POINTS as readonly string[]).includes(name));
  if (unknown === undefined) return;
  throw new PosthasteError('OPTION_INVALID', `A dialogue has no point ${unknown}: there are ${POINTS.join(', ')}.`);
}

function isList(entry: Action | readonly Action[]): entry is readonly Action[] {
  return Array.isArray(entry);
}
