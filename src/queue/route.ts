/** The choice of the relay for a recipient, made once at submission and kept with the delivery. */
import type { Address } from '../mail/address.ts';
import type { Envelope } from '../mail/envelope.ts';
import { compilePattern } from './address-pattern.ts';

/** What routes look at beside the envelope. */
export interface RouteFacts {
  readonly tags?: readonly string[];
  /** The decoded value of the first field of each name, names in lower case; only of those that `routedHeaders` names. */
  readonly headers?: ReadonlyMap<string, string>;
}

/** Names the relay that takes a recipient of a message. */
export type Router = (recipient: Address, envelope: Envelope, facts?: RouteFacts) => string;

/** All conditions that are given must hold. */
export interface Route {
  /** An address, `@domain`, `@*.domain`, or `<>`. */
  readonly sender?: string | undefined;
  readonly recipient?: string | undefined;
  readonly tag?: string | undefined;
  /** In lower case. */
  readonly header?: string | undefined;
  /** Compared without case and without white space around it; absent: whatever the header says. */
  readonly value?: string | undefined;
  readonly relay: string;
}

/** The name of the only relay where none was named. */
export const DEFAULT_RELAY = 'default';

export const singleRelay: Router = () => DEFAULT_RELAY;

/** The first route that fits decides, else it is `defaultRelay`. */
export function compileRoutes(routes: readonly Route[], defaultRelay: string): Router {
  const compiled = routes.map((route) => ({ relay: route.relay, fits: compileRoute(route) }));
  return (recipient, envelope, facts = {}) =>
    compiled.find(({ fits }) => fits(recipient, envelope, facts))?.relay ?? defaultRelay;
}

/** The names of the header fields that a way in must note for these routes, in lower case. */
export function routedHeaders(routes: readonly Route[]): readonly string[] {
  return [...new Set(routes.flatMap(({ header }) => (header === undefined ? [] : [header.toLowerCase()])))];
}

type Condition = (recipient: Address, envelope: Envelope, facts: RouteFacts) => boolean;

function compileRoute({ sender, recipient, tag, header, value }: Route): Condition {
  const conditions: Condition[] = [];
  if (recipient !== undefined) conditions.push(compilePattern(recipient));
  if (sender !== undefined) {
    const fits = compilePattern(sender);
    conditions.push((_, envelope) => fits(envelope.sender));
  }
  if (tag !== undefined) conditions.push((_, __, { tags }) => tags?.includes(tag) ?? false);
  if (header !== undefined) conditions.push((_, __, { headers }) => saysSo(headers?.get(header.toLowerCase()), value));
  return (...message) => conditions.every((condition) => condition(...message));
}

function saysSo(said: string | undefined, wanted: string | undefined): boolean {
  if (said === undefined || wanted === undefined) return said !== undefined;
  return said.trim().toLowerCase() === wanted.trim().toLowerCase();
}
