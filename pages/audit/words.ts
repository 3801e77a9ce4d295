/** What was changed, in words: a filter, ids, targets, a relay, as the trail has them. */

/** `relay: ses; state: queued, held`. Nothing of it is a person's own text but values, which stay as they are. */
export function wordsOf(what: Readonly<Record<string, unknown>>): string {
  return Object.entries(what)
    .flatMap(([name, value]) => (isNothing(value) ? [] : [`${name}: ${valueText(value)}`]))
    .join('; ');
}

function isNothing(value: unknown): boolean {
  return value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.map(valueText).join(', ');
  if (typeof value === 'object' && value !== null) return wordsOf(value as Record<string, unknown>);
  return String(value);
}
