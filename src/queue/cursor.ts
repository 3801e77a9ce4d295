/** The place of a delivery in a list, as a text that the next page is asked for with. Rows that arrive later stand before it, so they shift nothing. */
import { type Id, isId } from '../runtime/id.ts';

export interface Place {
  readonly id: Id;
  readonly ordinal: number;
}

export function cursorOf({ id, ordinal }: Place): string {
  return `${id}:${ordinal}`;
}

/** undefined: no page gave it. */
export function placeOf(cursor: string): Place | undefined {
  const [, id = '', ordinal] = /^([^:]*):(\d{1,9})$/.exec(cursor) ?? [];
  return isId(id) ? { id, ordinal: Number(ordinal) } : undefined;
}

export function isCursor(value: unknown): value is string {
  return typeof value === 'string' && placeOf(value) !== undefined;
}
