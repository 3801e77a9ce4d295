/** A process of its own with the listener on a store that forgets: prints its port, and at the end of its input its peak of memory in octets. */
import { setTimeout as wait } from 'node:timers/promises';
import { newId } from '../../../src/runtime/id.ts';
import type { IntakeQueue } from '../../../src/submission/intake.ts';
import { startListener } from './harness.ts';

/** Takes about as long for a chunk as a store that syncs. */
const forgetful: IntakeQueue = {
  newId: () => newId(Date.now()),
  submit: async ({ id }) => ({ id, duplicate: false }),
  stage: async () => void (await wait(1)),
  unstage: async () => undefined,
  cancel: async () => 0,
};

const listener = await startListener(forgetful, { maxConnections: 1000 });
process.stdout.write(`${listener.port}\n`);
process.stdin.resume().on('end', async () => {
  await listener.stop();
  process.stdout.write(`${process.resourceUsage().maxRSS * 1024}\n`);
});
