/** A store that tells a meter how long it takes, and what went through it: the one place that all of a process's work passes. */
import type { Attempt } from './delivery.ts';
import type { Message, NewMessage } from './message.ts';
import type { Inserted, SettleGroup, Store } from './store.ts';

export interface Meter {
  timed(operation: string, seconds: number, failed: boolean): void;
  accepted(message: Message): void;
  attempted(attempt: Omit<Attempt, 'ordinal'>): void;
}

/** What people wait for, and what delivery does all the time. */
const MEASURED = [
  'insert',
  'claim',
  'settle',
  'release',
  'renew',
  'heartbeat',
  'find',
  'get',
  'contentChunk',
  'count',
  'counts',
  'flow',
  'move',
] as const satisfies readonly (keyof Store)[];

type Method = (...args: unknown[]) => Promise<unknown>;

export function metered(store: Store, meter: Meter): Store {
  const measured = new Map<string | symbol, Method>();
  for (const name of MEASURED) measured.set(name, measure(store, name, meter));
  return new Proxy(store, {
    get(target, name) {
      const method = measured.get(name);
      if (method !== undefined) return method;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function measure(store: Store, name: (typeof MEASURED)[number], meter: Meter): Method {
  const method = (store[name] as unknown as Method).bind(store);
  return async (...args) => {
    const begun = performance.now();
    const seconds = (): number => (performance.now() - begun) / 1_000;
    try {
      const result = await method(...args);
      meter.timed(name, seconds(), false);
      tell(name, args[0], result, meter);
      return result;
    } catch (error) {
      meter.timed(name, seconds(), true);
      throw error;
    }
  };
}

function tell(name: string, what: unknown, result: unknown, meter: Meter): void {
  if (name === 'insert') tellAccepted(what as readonly NewMessage[], result as readonly Inserted[], meter);
  if (name === 'settle') tellAttempts(what as readonly SettleGroup[], result as readonly (readonly boolean[])[], meter);
}

function tellAccepted(messages: readonly NewMessage[], inserted: readonly Inserted[], meter: Meter): void {
  for (const [i, { message }] of messages.entries()) if (inserted[i]?.duplicate === false) meter.accepted(message);
}

/** Only of tokens that still held: what another worker has taken over is that one's to tell. */
function tellAttempts(groups: readonly SettleGroup[], held: readonly (readonly boolean[])[], meter: Meter): void {
  for (const [i, { settlements }] of groups.entries()) {
    for (const [j, { attempt }] of settlements.entries()) {
      if (attempt !== null && held[i]?.[j] === true) meter.attempted(attempt);
    }
  }
}
