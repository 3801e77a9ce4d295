/** The relays of the demonstration: each misbehaves in its own way, the usual one in a way for each kind of recipient. */
import { type Action, drop, usual, when } from '../src/testing/relay/actions.ts';
import { startRelay } from '../src/testing/relay/scripted.ts';
import type { ScriptedOptions } from '../src/testing/relay/seen.ts';

/** How long the usual relay thinks about a slow recipient, ms. */
const SLOW = 15_000;
/** Octets that the usual relay takes, as its SIZE says. */
const SIZE = 60_000;
const TOO_MUCH = '421 4.7.0 Too many messages, slow down';

interface Part {
  readonly name: string;
  readonly does: string;
  readonly follows: string;
  readonly relay: ScriptedOptions;
  /** The login that posthaste tries, as the url has it. */
  readonly login?: string;
  /** What the settings say beside the url. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

const PARTS: readonly Part[] = [
  {
    name: 'default',
    does: 'greylists, is slow, refuses some recipients and large mail',
    follows: 'every recipient is sent, deferred or bounced by itself',
    relay: {
      script: { rcpt: moodByRecipient() },
      extensions: ['PIPELINING', `SIZE ${SIZE}`, '8BITMIME', 'SMTPUTF8', 'DSN', 'ENHANCEDSTATUSCODES'],
    },
  },
  {
    name: 'busy',
    does: 'says again and again that it is too much (421)',
    follows: 'slowed down, and never above its limit of 12 a minute',
    relay: { script: { mail: each(4, TOO_MUCH, TOO_MUCH, TOO_MUCH) } },
    settings: { rate: '12/min' },
  },
  {
    name: 'hangs-up',
    does: 'takes a message and hangs up without an answer',
    follows: 'in doubt, sent again with the same Message-ID',
    relay: { script: { dot: each(3, drop, drop) } },
  },
  {
    name: 'locked',
    does: 'refuses the login',
    follows: 'paused at no cost to its mail; after 45 s a fallback sends it',
    relay: { login: { user: 'shop', password: 'changed yesterday', mechanisms: ['PLAIN', 'LOGIN'] } },
    login: 'shop:forgotten@',
    settings: { fallback: 'default', failoverAfter: '45s' },
  },
  {
    name: 'plain',
    does: 'offers no encryption, which the settings demand',
    follows: 'paused, its mail waits',
    relay: {},
    settings: { tls: { level: 'required' } },
  },
];

/** What needs no server: nothing listens on port 1, and what is captured goes nowhere. */
const OTHERS = [
  { name: 'down', does: 'answers no connection', follows: 'paused, its mail waits', url: 'smtp://127.0.0.1:1' },
  { name: 'sandbox', does: 'captures', follows: 'its mail stays here, and can be read', url: 'capture:' },
];

function moodByRecipient(): (command: string) => Action {
  const known = new Set<string>();
  return (command) => {
    const recipient = /<(.*)>/.exec(command)?.[1] ?? '';
    const isNew = !known.has(recipient);
    known.add(recipient);
    if (recipient.endsWith('@greylist.example') && isNew) return '451 4.7.1 Greylisted, please try again later';
    if (recipient.endsWith('@slow.example')) return when(new Promise((resolve) => setTimeout(resolve, SLOW)));
    if (recipient.startsWith('full@')) return '452 4.2.2 Mailbox full';
    if (recipient.startsWith('nobody@')) return '550 5.1.1 No such user here';
    if (recipient.startsWith('strict@')) return '554 5.7.1 Message rejected by policy';
    if (recipient.startsWith('poison@')) return drop;
    return usual;
  };
}

/** Is as usual the first of so many times, and then does these in turn. */
function each(times: number, ...actions: readonly Action[]): () => Action {
  let time = 0;
  return () => actions[(time++ % times) - 1] ?? usual;
}

export interface Relays extends AsyncDisposable {
  /** For the setting `relays`. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** For each: its name, what it does, and what follows. */
  readonly rows: readonly (readonly [string, string, string])[];
}

/** Starts them on free ports. */
export async function startRelays(): Promise<Relays> {
  const running = await Promise.all(PARTS.map(async (part) => ({ ...part, server: await startRelay(part.relay) })));
  const own = running.map(({ name, server, login = '', settings }) => [
    name,
    { url: `smtp://${login}${server.host}:${server.port}`, ...settings },
  ]);
  return {
    settings: Object.fromEntries([...own, ...OTHERS.map(({ name, url }) => [name, { url }])]),
    rows: [...PARTS, ...OTHERS].map(({ name, does, follows }) => [name, does, follows]),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(running.map(({ server }) => server.close()));
    },
  };
}
