import { expect, test } from 'vitest';
import { inheritedSockets } from './activation.ts';

test.each([
  [{ LISTEN_PID: '7', LISTEN_FDS: '2' }, [3, 4]],
  [{ LISTEN_PID: '7', LISTEN_FDS: '0' }, []],
  [{ LISTEN_PID: '8', LISTEN_FDS: '2' }, []],
  [{ LISTEN_PID: '7', LISTEN_FDS: 'many' }, []],
  [{ LISTEN_PID: '7' }, []],
  [{}, []],
])('%j hands process 7 the descriptors %j', (environment, descriptors) => {
  expect(inheritedSockets(environment, 7)).toEqual(descriptors);
});
