/** The shop that sends the sample mail: over the HTTP API of a running posthaste. */
import { setTimeout as pause } from 'node:timers/promises';
import { next, opening, type Sample } from './samples.ts';

/** Between two messages of the stream, ms. */
const EVERY = 2_000;

export class Shop {
  readonly #api: string;
  readonly #end: AbortSignal;

  /** `admin`: where posthaste answers, as `http://127.0.0.1:8025`. */
  constructor(admin: string, end: AbortSignal) {
    this.#api = `${admin}/api/v1`;
    this.#end = end;
  }

  /** Every state, at once. Resolves when all of it is accepted. */
  async open(now: number): Promise<void> {
    const entries = [
      { target: 'unsubscribed@example.com', reason: 'unsubscribed', note: 'by the link in the letter of October' },
      { target: '@spamtrap.example', reason: 'complained' },
    ];
    await this.#post('/suppressions', { entries });
    for (const sample of opening(now)) await this.#send(sample);
  }

  /** More, until the end. */
  async stream(): Promise<void> {
    for (let n = 0; ; n++) {
      await pause(EVERY, undefined, { signal: this.#end });
      await this.#send(next(n));
    }
  }

  async #send({ cancel, ...mail }: Sample): Promise<void> {
    const { id } = await this.#post('/messages', mail);
    if (cancel) await this.#post('/messages/cancel', { ids: [id] });
  }

  async #post(path: string, body: unknown): Promise<{ readonly id?: string }> {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(this.#api + path, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
      signal: this.#end,
    });
    if (!response.ok) throw new Error(`POST ${path} was answered with ${response.status}: ${await response.text()}`);
    return (await response.json()) as { readonly id?: string };
  }
}
