/**
 * Plays a dialogue file against the client core and writes down what happens, in the same form. Lines of a file:
 *
 *     # a comment
 *     options: tls=verified user=u password=p     (before all else; or token=t; others=p or t: the credentials to try when those are refused)
 *     job: NAME from=A to=B,C size=N 8bit utf8 ...   a transaction that waits from here on
 *     S: 250 ok          the relay says; lines that follow each other come in one piece
 *     tls:               the TLS handshake is done
 *     break: 4.4.2       the connection breaks
 *     C: MAIL FROM:<A>   we write
 *     = NAME B sent ...  what comes of it
 */
import type { Envelope, Notify } from '../../../src/mail/envelope.ts';
import type { Outcome } from '../../../src/mail/outcome.ts';
import { showReply } from '../../../src/mail/reply.ts';
import { type ClientEvent, SmtpClient } from '../../../src/transport/smtp/client.ts';
import type { Transaction } from '../../../src/transport/smtp/commands.ts';
import type { Credentials } from '../../../src/transport/smtp/credentials.ts';
import type { TlsLevel } from '../../../src/transport/smtp/options.ts';

interface Named extends Transaction {
  readonly name: string;
}

export function lines(file: string): string[] {
  return file.trimEnd().split('\n');
}

/** `sizes` says into what pieces the relay's bytes are split; without it, they come as whole groups of lines. */
export function play(file: string, sizes?: () => number): string[] {
  const player = new Player(file);
  for (const line of lines(file)) player.line(line, sizes);
  player.flush(sizes);
  return player.transcript;
}

class Player {
  readonly transcript: string[] = [];
  readonly #client: SmtpClient<Named>;
  readonly #jobs: Named[] = [];
  readonly #options: Record<string, string>;
  #said = '';

  constructor(file: string) {
    const options = words(/^options: (.*)$/m.exec(file)?.[1] ?? '');
    this.#options = options;
    this.#client = new SmtpClient({
      peer: 'mail.example.com:587',
      target: { host: 'mail.example.com', port: 587 },
      name: 'client.example',
      tls: (options.tls ?? 'opportunistic') as TlsLevel,
      implicitTls: options.implicit !== undefined,
      proved: options.tls === 'verified',
      login: options.user !== undefined,
      clearPassword: options.clear !== undefined,
    });
  }

  line(line: string, sizes: (() => number) | undefined): void {
    const [, key, value = ''] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (key === 'S') this.#said += `${value}\r\n`;
    else if (!/^[C=]/.test(line)) this.flush(sizes);
    if (!/^[C=]/.test(line)) this.transcript.push(line);
    else this.flush(sizes);
    if (key === 'job') this.#job(value);
    if (key === 'tls') this.#show(this.#client.tlsStarted());
    if (key === 'break') this.#show(this.#client.broke({ code: 451, status: value, text: 'broken' }));
    if (this.#said === '') this.#begin();
  }

  flush(sizes: (() => number) | undefined): void {
    const bytes = Buffer.from(this.#said);
    this.#said = '';
    for (let from = 0; from < bytes.length; ) {
      const size = sizes?.() ?? bytes.length;
      this.#show(this.#client.receive(bytes.subarray(from, from + size)));
      from += size;
    }
    this.#begin();
  }

  #job(text: string): void {
    const { from = '', to = '', size = '1000', ...rest } = words(text);
    const envelope: Envelope = {
      sender: from === '' ? null : from,
      recipients: to.split(',').map((address) => ({
        address,
        ...(rest.notify === undefined ? {} : { notify: rest.notify.split('+') as Notify[] }),
        ...(rest.orcpt === undefined ? {} : { originalRecipient: rest.orcpt }),
      })),
      smtputf8: rest.utf8 !== undefined,
      ...(rest.ret === undefined ? {} : { ret: rest.ret as 'full' | 'hdrs' }),
      ...(rest.envid === undefined ? {} : { envelopeId: rest.envid }),
    };
    const name = text.split(' ')[0] as string;
    this.#jobs.push({ name, envelope, content: { size: Number(size), eightBit: rest['8bit'] !== undefined } });
  }

  #credentials(again: boolean): Credentials {
    const { user = '', password, token = '', others } = this.#options;
    const secret = (again ? others : undefined) ?? password ?? token;
    return password === undefined ? { user, token: secret } : { user, password: secret };
  }

  #begin(): void {
    while (this.#client.idle && this.#jobs.length > 0) this.#show(this.#client.begin(this.#jobs.shift() as Named));
  }

  #show(events: readonly ClientEvent<Named>[]): void {
    for (const event of events) {
      if (event.type === 'write')
        this.transcript.push(
          ...event.text
            .trimEnd()
            .split('\r\n')
            .map((line) => `C: ${line}`),
        );
      else if (event.type === 'outcome') this.#outcomes(event.transaction, event.outcomes);
      else if (event.type === 'credentials') this.#show(this.#client.login(this.#credentials(event.rejected !== null)));
      else if (event.type === 'content') this.#content(event.transaction);
      else if (event.type === 'ready')
        this.transcript.push(`= ready${event.session.encrypted ? ' encrypted' : ''} login ${event.session.mechanism}`);
      else if (event.type === 'returned') this.transcript.push(`= ${event.transaction.name} returned`);
      else if (event.type === 'closed')
        this.transcript.push(
          `= closed ${event.fault === null ? '' : `${event.fault.rule} ${showReply(event.fault.reply)}`}`.trimEnd(),
        );
      else this.transcript.push('= TLS handshake');
    }
  }

  /** A job named `...-stuck` never comes to its end. */
  #content(job: Named): void {
    this.transcript.push(`= ${job.name} content`);
    if (job.name.endsWith('stuck')) return;
    const next = this.#client.looksAhead ? this.#jobs.shift() : undefined;
    this.#show(this.#client.contentWritten('.\r\n', next));
  }

  #outcomes(job: Named, outcomes: readonly Outcome[]): void {
    for (const [i, outcome] of outcomes.entries()) {
      const scope = 'scope' in outcome ? ` ${outcome.scope}` : '';
      const doubt = outcome.kind === 'deferred' && outcome.inDoubt ? ' in doubt' : '';
      this.transcript.push(
        `= ${job.name} ${job.envelope.recipients[i]?.address} ${outcome.kind}${scope}${doubt}: ${showReply(outcome.reply)}`,
      );
    }
  }
}

/** `a=1 b c=2` as a record; a word alone is the empty text. */
function words(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split(' ').map((word) => [word.split('=')[0] as string, word.split('=').slice(1).join('=')]),
  );
}
