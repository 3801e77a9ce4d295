/** One process of the comparison: fills a queue and tells how long that took, or works on it until it is ended. Its setting is its one argument, as JSON. */
import { QUEUES, type Setting } from './queues.ts';

/** Handlers of requests at the same time. */
const AT_ONCE = 20;

const setting = JSON.parse(process.argv[2] ?? '') as Setting;
const queue = QUEUES[setting.queue];
const text = 'Thank you for signing up. '.repeat(60);

async function accept(): Promise<void> {
  const { send, close } = await queue.open(setting);
  let next = 0;
  const handler = async (): Promise<void> => {
    while (next < setting.messages) {
      const to = `user${next++}@example.org`;
      await send({ from: 'app@example.com', to, subject: 'Welcome', text });
    }
  };
  const begun = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, handler));
  process.stdout.write(`${performance.now() - begun}\n`);
  await close();
}

if (setting.part === 'accept') await accept();
else if ('work' in queue) await queue.work(setting);
