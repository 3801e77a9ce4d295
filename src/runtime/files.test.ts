import { expect, test } from 'vitest';
import { fileRoom, roomForClients } from './files.ts';

test('clients have what is neither open nor kept for other things, and one at least', () => {
  expect(roomForClients({ limit: 1024, open: 30 }, 50)).toBe(944);
  expect(roomForClients({ limit: 40, open: 30 }, 50)).toBe(1);
});

test.runIf(process.platform === 'linux')('the system tells how many files are open, and how many may be', () => {
  const { limit = 0, open = 0 } = fileRoom() ?? {};
  expect(open).toBeGreaterThan(2);
  expect(limit).toBeGreaterThan(open);
});
