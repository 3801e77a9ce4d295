/** Kinds of values that have parts: objects, lists of objects, objects by name. Their faults name the exact part. */
import type { Kind, Leaf } from './kinds.ts';
import { nearest } from './nearest.ts';
import { type Parsed, type PartFault, parts, type Report, type Schema } from './schema.ts';

/** One part of an object. */
export interface Field<T, I> {
  readonly kind: Kind<T, I>;
  /** One sentence. */
  readonly sentence: string;
  /** Never shown whole. */
  readonly secret?: true;
  readonly required?: true;
}

export type Fields = Readonly<Record<string, Field<unknown, unknown>>>;

type RequiredKeys<F> = { [K in keyof F]: F[K] extends { readonly required: true } ? K : never }[keyof F];
type Value<F> = F extends Field<infer T, infer _> ? T : never;
type Written<F> = F extends Field<infer _, infer I> ? I : never;

/** An object as posthaste uses it. */
export type Shaped<F> = { readonly [K in RequiredKeys<F>]: Value<F[K]> } & {
  readonly [K in Exclude<keyof F, RequiredKeys<F>>]?: Value<F[K]> | undefined;
};

/** An object as it may be written. */
export type ShapeInput<F> = { readonly [K in RequiredKeys<F>]: Written<F[K]> } & {
  readonly [K in Exclude<keyof F, RequiredKeys<F>>]?: Written<F[K]> | undefined;
};

export function field<T, I>(kind: Kind<T, I>, sentence: string): Field<T, I> {
  return { kind, sentence };
}

export function secretField<T, I>(kind: Kind<T, I>, sentence: string): Field<T, I> {
  return { kind, sentence, secret: true };
}

export function requiredField<T, I>(kind: Kind<T, I>, sentence: string): Field<T, I> & { readonly required: true } {
  return { kind, sentence, required: true };
}

/** The parts at fault. A kind without parts says nothing of them: then all of it is. */
export function partFaults(
  { faults }: Extract<Parsed<unknown>, { success: false }>,
  kind: Kind<unknown>,
  secret: boolean,
): readonly PartFault[] {
  if (faults.length > 0) return faults;
  return [{ path: [], fault: `allowed is ${kind.allowed}`, show: secret ? 'mask' : 'value' }];
}

/** An object with these fields and no others; `noun` names it, as in "a relay". */
export function shape<F extends Fields>(noun: string, fields: F): Kind<Shaped<F>, ShapeInput<F>> {
  const names = Object.keys(fields);
  return {
    schema: parts((value, report) => {
      if (!isObject(value))
        return report({ path: [], fault: `allowed is ${noun} with ${names.join(', ')}`, show: 'nothing' });
      for (const key of Object.keys(value)) {
        if (!names.includes(key)) report({ path: [key], fault: unknownKey(noun, key, names), show: 'nothing' });
      }
      const read = names.map((name) => [name, readField(name, fields[name] as Field<unknown, unknown>, value, report)]);
      return Object.fromEntries(read.filter(([, part]) => part !== undefined));
    }),
    placeholder: 'object',
    allowed: `${noun} with ${names.join(', ')}`,
    ...walks<Shaped<F>>((value, visit) => {
      const given = names.filter((name) => (value as Readonly<Record<string, unknown>>)[name] !== undefined);
      return Object.fromEntries(
        given.map((name) => [
          name,
          visit(fields[name] as Field<unknown, unknown>, (value as Readonly<Record<string, unknown>>)[name]),
        ]),
      );
    }),
  };
}

/** A kind for which a text may stand, which `expand` makes into what it is short for. */
export function orShort<T, I>(kind: Kind<T, I>, expand: (text: string) => I): Kind<T, I | string> {
  const schema: Schema<T, I | string> = {
    safeParse: (value) => kind.schema.safeParse(typeof value === 'string' ? expand(value) : value),
  };
  return { ...kind, schema };
}

/** An array of a kind. */
export function arrayOf<T, I>(kind: Kind<T, I>): Kind<readonly T[], readonly I[]> {
  const item = { kind, sentence: '' };
  return {
    schema: parts((value, report) => {
      if (!Array.isArray(value))
        return report({ path: [], fault: `allowed is an array, each item ${kind.allowed}`, show: 'nothing' });
      return value.map((each, i) => readPart(i, item, each, report));
    }),
    placeholder: 'array',
    allowed: `an array, each item ${kind.allowed}`,
    ...walks<readonly T[]>((value, visit) => value.map((each) => visit(item, each))),
  };
}

/** What the keys of an object may be. */
export interface KeyRule {
  readonly fits: (key: string) => boolean;
  /** Completes "allowed are ...". */
  readonly allowed: string;
}

/** An object whose keys are names of the user's own. */
export function named<T, I>(
  noun: string,
  rule: KeyRule,
  kind: Kind<T, I>,
): Kind<Readonly<Record<string, T>>, Readonly<Record<string, I>>> {
  const item = { kind, sentence: '' };
  const allowed = `an object with ${noun}s by name`;
  return {
    schema: parts((value, report) => {
      if (!isObject(value)) return report({ path: [], fault: `allowed is ${allowed}`, show: 'nothing' });
      const read = Object.entries(value).map(([key, each]) => {
        if (!rule.fits(key))
          report({
            path: [key],
            fault: `is no name for a ${noun}: allowed are ${rule.allowed}`,
            show: 'nothing',
          });
        return [key, readPart(key, item, each, report)];
      });
      return Object.fromEntries(read);
    }),
    placeholder: 'object',
    allowed,
    ...walks<Readonly<Record<string, T>>>((value, visit) =>
      Object.fromEntries(Object.entries(value).map(([key, each]) => [key, visit(item, each)])),
    ),
  };
}

/** All the parts of a value with the path of each, as they may be shown: `['ses', 'url'], 'smtp://ann:***@host'`. */
export function shownParts<T>(kind: Kind<T>, value: T): readonly (readonly [path: readonly string[], shown: string])[] {
  if (kind.view === undefined) return [[[], kind.show(value)]];
  return flatten(kind.view(value, (part, each) => part.show(each)));
}

/** Plain values for programs: those that are secret as they may be shown. */
export function plainView<T>(kind: Kind<T>, value: T): unknown {
  return kind.view === undefined
    ? value
    : kind.view(value, (part, each, secret) => (secret || each instanceof RegExp ? part.show(each) : each));
}

function flatten(view: unknown): readonly (readonly [readonly string[], string])[] {
  if (typeof view !== 'object' || view === null) return [[[], String(view)]];
  return Object.entries(view).flatMap(([key, part]) =>
    flatten(part).map(([path, shown]) => [[key, ...path], shown] as const),
  );
}

function readField(
  name: string,
  part: Field<unknown, unknown>,
  value: Readonly<Record<string, unknown>>,
  report: Report,
): unknown {
  const given = Object.hasOwn(value, name) ? value[name] : undefined;
  if (given !== undefined) return readPart(name, part, given, report);
  if (part.required === true)
    report({ path: [name], fault: `is missing: allowed is ${part.kind.allowed}`, show: 'nothing' });
  return undefined;
}

function readPart(
  key: string | number,
  { kind, secret }: Field<unknown, unknown>,
  value: unknown,
  report: Report,
): unknown {
  const parsed = kind.schema.safeParse(value);
  if (parsed.success) return parsed.data;
  for (const part of partFaults(parsed, kind, secret === true)) report({ ...part, path: [key, ...part.path] });
  return undefined;
}

type Visit = (part: Field<unknown, unknown>, value: unknown) => unknown;

/** From one walk over the parts: how to show, to anchor and to view the whole. */
function walks<T>(walk: (value: T, visit: Visit) => unknown): Walks<T> {
  const view = (value: T, leaf: Leaf): unknown =>
    walk(value, ({ kind, secret }, each) => kind.view?.(each, leaf) ?? leaf(kind, each, secret === true));
  return {
    view,
    show: (value) =>
      flatten(view(value, (kind, each) => kind.show(each)))
        .map(([path, shown]) => `${path.join('.')}=${shown}`)
        .join(' ') || 'none',
    anchor: (value, folder) => walk(value, ({ kind }, each) => kind.anchor?.(each, folder) ?? each) as T,
  };
}

type Walks<T> = Pick<Kind<T>, 'show'> & Pick<Required<Kind<T>>, 'view' | 'anchor'>;

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unknownKey(noun: string, key: string, names: readonly string[]): string {
  const near = nearest(key, names);
  return `is no setting of ${noun}; ${near === undefined ? `allowed are ${names.join(', ')}` : `did you mean ${near}?`}`;
}
