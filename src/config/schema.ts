/** Reads values that nobody has looked at: each reading answers with a value, or with all that is wrong in it. */

/** What is wrong with a value or a part of it. */
export interface PartFault {
  /** From the value down to the part; empty for the whole. */
  readonly path: readonly PropertyKey[];
  /** Completes "PATH ...". */
  readonly fault: string;
  /** Whether the part's own value belongs into the complaint, and may be seen. */
  readonly show: 'value' | 'mask' | 'nothing';
}

/** `faults`: none where the value as a whole is not allowed, and that is all there is to say. */
export type Parsed<T> =
  | { readonly success: true; readonly data: T }
  | { readonly success: false; readonly faults: readonly PartFault[] };

/** `T` is what comes out, `I` what may be written. */
export interface Schema<T, I = unknown> {
  /** Never throws. */
  safeParse(value: unknown): Parsed<T>;
  /** For the types alone: no schema has it. */
  readonly written?: I;
}

export type Report = (fault: PartFault) => undefined;

/** Reads a value by `parse`, which answers undefined for what is not allowed. */
export function read<T, I>(parse: (value: unknown) => T | undefined): Schema<T, I> {
  return {
    safeParse(value) {
      const data = parse(value);
      return data === undefined ? { success: false, faults: [] } : { success: true, data };
    },
  };
}

/** A schema whose faults are told one by one; with any fault there is no value. */
export function parts<T, I>(parse: (value: unknown, report: Report) => unknown): Schema<T, I> {
  return {
    safeParse(value) {
      const faults: PartFault[] = [];
      const data = parse(value, (fault) => {
        faults.push(fault);
      });
      return faults.length === 0 ? { success: true, data: data as T } : { success: false, faults };
    },
  };
}
