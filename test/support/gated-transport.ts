/** A transport without sockets, whose time would not be that of a test's clock. */
import type { Outcome } from '../../src/mail/outcome.ts';
import type { Transport } from '../../src/transport/transport.ts';

/** One message at a time: `begin` hears of it, and it is sent once `gate` lets it. */
export function transportBehind(gate: Promise<void>, begin: () => void = () => undefined): Transport {
  return {
    concurrency: 1,
    async send({ recipients }): Promise<readonly Outcome[]> {
      begin();
      await gate;
      return recipients.map(() => ({ kind: 'sent', reply: { code: 250, text: 'ok' } }));
    },
    close: () => Promise.resolve(),
  };
}
