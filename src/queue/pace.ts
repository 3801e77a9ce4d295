/** The pace at which a relay takes mail: fewer connections after it said that it was too much, more again while mail succeeds. Pure. */
import type { Outcome } from '../mail/outcome.ts';
import type { Reply } from '../mail/reply.ts';
import { type Instant, isAhead } from '../runtime/clock.ts';
import { classOfReply } from './schedule.ts';

/** What a relay is held to that said that it was too much. */
export interface Pace {
  /** Of all processes together, at least 1. */
  readonly connections: number;
  /** Rests in a row that were taken because one connection was still too much: each is twice as long as the one before. */
  readonly rests: number;
  /** Nothing goes out before this. It may lie in the past. */
  readonly restUntil: Instant | null;
  readonly slowedAt: Instant;
  /** Slowed down or sped up for the last time. */
  readonly changedAt: Instant;
  /** What the relay said. */
  readonly reply: Reply;
}

/** That a relay finds it too much, as one process heard it. */
export interface Strain {
  readonly reply: Reply;
  /** Waiting helps more than fewer connections do. Without it the pause of a faulty relay is the wait. */
  readonly rest: boolean;
}

/** Such replies within this time of each other are one: they were caused by the same mail, ms. */
const TOGETHER = 15_000;
/** The first rest, ms. */
const REST = 15_000;
/** The longest rest is 2 to this power times the first. */
const MAX_DOUBLINGS = 4;
const LONGEST_REST = REST * 2 ** MAX_DOUBLINGS;
/** Mail must have succeeded for so long before the next step up, ms. */
const STEP_AFTER = 30_000;
/** A step up is this part of the limit. */
const STEPS = 10;

const TOO_MUCH = /\brate\b|\btoo (?:many|much|fast|quickly)\b|\bthrottl|\bslow(?:ing)? down\b/i;
/** Such a goodbye has other reasons than how much we sent. */
const OTHER_GOODBYE = /\bshut|\bgoing down\b|\bmaintenance\b|\brestart|\bidle\b|\btime[d ]? ?-?out\b/i;

/** What the outcomes of a transaction say about the pace; undefined: nothing. `well`: the relay had no fault before. */
export function strainOf(outcomes: readonly Outcome[], well: boolean): Strain | undefined {
  for (const outcome of outcomes) {
    if (outcome.kind !== 'deferred' || outcome.inDoubt || outcome.login !== undefined) continue;
    const { scope, reply } = outcome;
    if (scope === 'relay' && well && isGoodbye(reply)) return { reply, rest: false };
    // What is said about one recipient must not keep all mail back.
    if (scope !== 'relay' && isRate(reply)) return { reply, rest: scope === 'message' };
  }
  return undefined;
}

/** In words. That is about all mail together, whichever message it meets. */
export function saysTooMuch({ text }: Reply): boolean {
  return TOO_MUCH.test(text);
}

/** 421, or words like those of Amazon SES ("454 Throttling failure"). 4.4.x is about the network, but for congestion (RFC 3463 3.5). */
function isGoodbye(reply: Reply): boolean {
  const { code, status = '', text } = reply;
  if (saysTooMuch(reply)) return true;
  return code === 421 && !/^4\.4\.(?!5$)/.test(status) && !OTHER_GOODBYE.test(text);
}

/** 4.7.x is policy: of what is temporary in it, greylisting aside, most is a rate. */
function isRate(reply: Reply): boolean {
  const { status, text } = reply;
  if (reply.code >= 500 || classOfReply(reply) !== 'rate limited') return false;
  return status === undefined ? TOO_MUCH.test(text) : status.startsWith('4.7.');
}

export interface Slowing extends Strain {
  /** As the settings have it. */
  readonly limit: number;
  /** Connections that were in use, over all processes. */
  readonly used: number;
  readonly now: Instant;
}

/** Nothing goes out now. */
export function isResting(pace: Pace | null, now: Instant): boolean {
  return isAhead(pace?.restUntil ?? 0, now, LONGEST_REST);
}

/** Half of what was in use, and a rest where that is asked for. The same object: nothing changes. */
export function slower(pace: Pace | null, { reply, rest, limit, used, now }: Slowing): Pace | null {
  if (pace !== null && (isAhead(pace.slowedAt + TOGETHER, now, TOGETHER) || isResting(pace, now))) return pace;
  const before = Math.min(pace?.connections ?? limit, limit, Math.max(1, used));
  const connections = Math.max(1, Math.floor(before / 2));
  if (connections >= limit && !rest) return pace;
  const rests = rest && before === 1 ? (pace?.rests ?? 0) + 1 : (pace?.rests ?? 0);
  const restUntil = rest ? now + REST * 2 ** Math.min(rests, MAX_DOUBLINGS) : null;
  return { connections, rests, restUntil, slowedAt: now, changedAt: now, reply };
}

/** A step up, some time after mail has begun to succeed; null: back at the limit. The same object: nothing changes. */
export function faster(pace: Pace, limit: number, now: Instant): Pace | null {
  const stepAt = Math.max(pace.changedAt, pace.restUntil ?? 0) + STEP_AFTER;
  if (isAhead(stepAt, now, LONGEST_REST + STEP_AFTER)) return pace;
  if (pace.rests > 0) return { ...pace, rests: pace.rests - 1, changedAt: now };
  const connections = pace.connections + Math.ceil(limit / STEPS);
  return connections >= limit ? null : { ...pace, connections, changedAt: now };
}
