/** The way out that leads nowhere: everything stays here, and is said to. */
import type { Envelope } from '../mail/envelope.ts';
import type { Outcome } from '../mail/outcome.ts';
import type { Transport } from './transport.ts';

export class CaptureTransport implements Transport {
  readonly concurrency = 100;
  readonly #captured: Outcome;

  /** `why` nothing leaves. */
  constructor(why: string) {
    this.#captured = { kind: 'captured', reply: { code: 250, status: '2.0.0', text: `captured: ${why}`, ours: true } };
  }

  send(envelope: Envelope): Promise<readonly Outcome[]> {
    return Promise.resolve(envelope.recipients.map(() => this.#captured));
  }

  async close(): Promise<void> {}
}
