/** One look at a relay: everything up to the login, and nothing sent. */
import type { Reply } from '../../mail/reply.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Classified } from '../classify.ts';
import { Connection, type Owner } from './connection.ts';
import type { Session } from './handshake.ts';
import type { RelaySettings } from './options.ts';
import type { TlsReport } from './secure.ts';

/** What a look at the relay showed. */
export interface RelayReport {
  /** It can be reached, and takes the login where one is configured. */
  readonly ok: boolean;
  /** `host:port`. */
  readonly host: string;
  /** null: not encrypted. */
  readonly tls: TlsReport | null;
  /** Lines of its EHLO reply: `SIZE 52428800`. */
  readonly extensions: readonly string[];
  /** The mechanism of the login; null without one. */
  readonly login: string | null;
  /** It came as far as the login, so another one may be taken. */
  readonly answered: boolean;
  /** Why it is not ok. */
  readonly error: Reply | null;
}

/** An owner that has nothing to send and quits as soon as it may. */
class Probe implements Owner {
  readonly #host: string;
  readonly #report: (report: RelayReport) => void;
  #session: Session | null = null;

  constructor(host: string, report: (report: RelayReport) => void) {
    this.#host = host;
    this.#report = report;
  }

  ready(_connection: Connection, session: Session): void {
    this.#session = session;
  }

  idle(connection: Connection): void {
    connection.quit();
  }

  closed(connection: Connection, fault: Classified | null): void {
    const extensions = [...(this.#session?.extensions ?? [])].map(([keyword, parameters]) =>
      [keyword, ...parameters].join(' '),
    );
    this.#report({
      ok: this.#session !== null,
      answered: this.#session !== null || fault?.rule === 'login',
      host: this.#host,
      tls: connection.tls,
      extensions,
      login: this.#session?.mechanism ?? null,
      error: this.#session === null ? (fault?.reply ?? null) : null,
    });
  }

  next(): undefined {}
  finished(): void {}
  failed(): void {}
  returned(): void {}
}

/** How a look ends that takes long. */
export interface ProbeEnd {
  readonly signal: AbortSignal;
  /** For all of it together, ms; the relay is said to have been silent. Default: each wait has its own limit. */
  readonly limit?: number | undefined;
}

export function probe(settings: RelaySettings, clock: Clock, { signal, limit }: ProbeEnd): Promise<RelayReport> {
  return new Promise((resolve) => {
    const report = (result: RelayReport): void => {
      cancel?.();
      signal.removeEventListener('abort', abort);
      resolve(result);
    };
    const connection = new Connection(settings, new Probe(settings.peer, report), clock, { session: undefined });
    const abort = (): void => connection.abandon();
    const cancel = limit === undefined ? undefined : clock.after(limit, () => connection.runOut(limit));
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
  });
}
