/**
 * The way out that throws mail away, for load tests and copies of a running system. Its outcome is `captured`: no relay took
 * responsibility, which is what `sent` would claim, and nobody is to be told of a failure, which `refused` would do. So counts, pages
 * and reports say that nothing left this machine.
 */
import type { Envelope } from '../mail/envelope.ts';
import type { Outcome } from '../mail/outcome.ts';
import type { Transport } from './transport.ts';

const DISCARDED: Outcome = {
  kind: 'captured',
  reply: {
    code: 250,
    status: '2.0.0',
    text: 'discarded: the relay is "null", so nothing was handed to anybody',
    ours: true,
  },
};

export class NullTransport implements Transport {
  readonly concurrency = 100;

  send(envelope: Envelope): Promise<readonly Outcome[]> {
    return Promise.resolve(envelope.recipients.map(() => DISCARDED));
  }

  async close(): Promise<void> {}
}
