/** Numbers as the reader writes them. */

const plain = new Intl.NumberFormat();
const compact = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 });

export function formatNumber(value: number): string {
  return plain.format(value);
}

/** Beyond a hundred thousand shortened: 1.2M. */
export function formatShort(value: number): string {
  return value < 100_000 ? plain.format(value) : compact.format(value);
}

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const;

export function formatBytes(octets: number): string {
  const step = Math.min(Math.floor(Math.log10(Math.max(octets, 1)) / 3), UNITS.length - 1);
  // The short form of the first has no plural.
  const unitDisplay = step === 0 ? 'long' : 'short';
  const options = { style: 'unit', unit: UNITS[step], unitDisplay, maximumFractionDigits: 1 } as const;
  return new Intl.NumberFormat(undefined, options).format(octets / 1_000 ** step);
}

/** `1 message`, `2,000 messages`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${plain.format(count)} ${count === 1 ? one : many}`;
}
