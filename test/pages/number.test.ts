import { expect, test } from 'vitest';
import { counted, formatBytes } from '../../pages/format/number.ts';

test('numbers have the plural that they need', () => {
  expect([0, 1, 483, 3_600, 2_000_000].map(formatBytes)).toEqual(['0 bytes', '1 byte', '483 bytes', '3.6 kB', '2 MB']);
  expect([counted(1, 'entry', 'entries'), counted(2_000, 'try', 'tries')]).toEqual(['1 entry', '2,000 tries']);
});
