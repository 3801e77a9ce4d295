/** A queue with something in each state, made as applications and relays make it. */
import { type ScriptedRelay, startRelay } from '../../src/testing/index.ts';
import { api, type Running, serving } from './browser.ts';

export interface Filled extends Running {
  readonly relay: ScriptedRelay;
  /** Ids by the local part of the recipient. */
  readonly ids: Readonly<Record<string, string>>;
}

const REPLIES: Readonly<Record<string, string>> = {
  deferred: '452 4.2.2 mailbox full',
  bounced: '550 5.1.1 no such user',
};

function replyTo(command: string): string {
  const [, name = ''] = /TO:<([^@]+)@/i.exec(command) ?? [];
  return REPLIES[name] ?? '250 2.1.5 ok';
}

/** Submits a message; answers with its id. */
export async function submit(running: Running, to: string, more: object = {}): Promise<string> {
  const mail = { from: 'ann@example.com', to, subject: `For ${to}`, text: 'Dear reader.', ...more };
  return (await api(running, '/messages', mail)).id;
}

/** Resolves when there are so many of them. */
async function until(running: Running, count: number, filter: string): Promise<void> {
  const events = await fetch(`${running.origin}/api/v1/events?after=1`);
  const look = async (): Promise<boolean> => (await api(running, `/messages/count?${filter}`)).count === count;
  if (await look()) return void events.body?.cancel();
  for await (const _ of events.body ?? []) if (await look()) return;
}

export async function filled(flags: readonly string[] = []): Promise<Filled> {
  const relay = await startRelay({ script: { rcpt: replyTo } });
  const running = await serving([
    '--relay',
    relay.url,
    '--retry-first-delay',
    '1h',
    '--retry-max-delay',
    '2h',
    ...flags,
  ]);
  const ids: Record<string, string> = {};
  for (const name of ['sent', 'bounced', 'deferred'])
    ids[name] = await submit(running, `${name}@example.org`, {
      options: { tags: ['news'], metadata: { order: '4711' } },
    });
  ids.held = await submit(running, 'held@example.org', { options: { held: true } });
  ids.later = await submit(running, 'later@example.org', { options: { sendAt: Date.now() + 86_400_000 } });
  // The bounce is reported to ann.
  await until(running, 2, 'state=sent');
  await until(running, 1, 'state=bounced');
  await until(running, 1, 'deferred=true');
  return {
    ...running,
    relay,
    ids,
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      await relay.close();
    },
  };
}
