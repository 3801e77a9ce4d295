/** The dialogs of the listener as data: against the protocol core, and some of them over a real socket. */
import { describe, expect, test } from 'vitest';
import type { SessionOptions } from '../../src/submission/smtp/session-options.ts';
import { type Dialog, fits, readDialogs, type Step } from './server/dialog.ts';
import {
  CoreHost,
  intakeContext,
  type Kept,
  LIMITS,
  RecordingQueue,
  SESSION,
  SocketClient,
  startListener,
  withoutTrace,
} from './server/harness.ts';

const USERS = new Map([['ann', 'secret']]);

function sessionOptions({ settings }: Dialog): SessionOptions {
  return {
    ...SESSION,
    maxMessageSize: Number(settings.get('size') ?? SESSION.maxMessageSize),
    maxRecipients: Number(settings.get('recipients') ?? SESSION.maxRecipients),
    maxErrors: Number(settings.get('errors') ?? SESSION.maxErrors),
    offerTls: settings.get('tls') === 'yes',
    login: (settings.get('login') ?? 'none') as SessionOptions['login'],
    local: settings.get('local') !== 'no',
    storageFull: () => settings.get('full') === 'yes',
  };
}

function expectMessage(kept: Kept | undefined, step: Extract<Step, { kind: 'message' }>, where: string): void {
  const { sender, recipients } = kept?.draft.envelope ?? { sender: 'nothing was kept', recipients: [] };
  const names = recipients.map((recipient) => recipient.address).join(', ');
  expect(`${sender ?? '<>'} -> ${names}`, where).toBe(step.envelope);
  const content = withoutTrace(kept?.content ?? Buffer.alloc(0)).toString();
  expect(content.replace(/\r\n$/, ''), where).toBe(step.content.join('\r\n'));
}

/** What a dialog talks to. */
interface Partner {
  send(bytes: Buffer): Promise<void>;
  line(): Promise<string | undefined>;
  /** Lines that came unasked. */
  rest(): string;
}

async function play(dialog: Dialog, partner: Partner, queue: RecordingQueue): Promise<void> {
  for (const step of dialog.steps) {
    const where = `${dialog.name}, line ${step.line}`;
    if (step.kind === 'client') {
      expect(partner.rest(), where).toBe('');
      await partner.send(step.bytes);
    } else if (step.kind === 'server') {
      const line = (await partner.line()) ?? '<close>';
      expect(fits(step.expected, line) ? step.expected : line, where).toBe(step.expected);
    } else expectMessage(queue.kept.shift(), step, where);
  }
  expect(partner.rest(), dialog.name).toBe('');
  expect(queue.kept, dialog.name).toEqual([]);
  expect(queue.staged.size, dialog.name).toBe(0);
}

function corePartner(host: CoreHost): Partner {
  return {
    send: (bytes) => host.send(bytes),
    async line() {
      const end = host.replies.indexOf('\r\n');
      if (end === -1) return host.closed ? undefined : 'silence';
      const line = host.replies.slice(0, end);
      host.replies = host.replies.slice(end + 2);
      return line;
    },
    rest: () => host.replies,
  };
}

const dialogs = readDialogs();

describe('the protocol core', () => {
  test.each(dialogs.map((dialog) => [dialog.name, dialog] as const))('%s', async (_, dialog) => {
    const queue = new RecordingQueue();
    const options = sessionOptions(dialog);
    const context = intakeContext(queue, { limits: { ...LIMITS, maxMessageSize: options.maxMessageSize } });
    const host = new CoreHost(context, options, USERS);
    await host.run();
    await play(dialog, corePartner(host), queue);
  });
});

describe('over a socket', () => {
  const plain = dialogs.filter(({ settings }) =>
    [...settings.keys()].every((key) => ['size', 'recipients', 'errors'].includes(key)),
  );

  test.each(plain.map((dialog) => [dialog.name, dialog] as const))('%s', async (_, dialog) => {
    const queue = new RecordingQueue();
    const { maxMessageSize, maxRecipients, maxErrors } = sessionOptions(dialog);
    const listener = await startListener(queue, { limits: { ...LIMITS, maxMessageSize, maxRecipients }, maxErrors });
    const client = await SocketClient.connect(listener.port);
    const partner: Partner = {
      send: async (bytes) => client.write(bytes),
      line: () => client.line(),
      rest: () => client.text,
    };
    await play(dialog, partner, queue);
    client.destroy();
    await listener.stop();
  });
});
