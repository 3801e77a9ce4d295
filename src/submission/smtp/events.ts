/** What a session wants done: its events, and its replies gathered for one write. */
import type { Envelope } from '../../mail/envelope.ts';
import { encodeReply, printable, type Reply } from '../../mail/reply.ts';
import type { Protocol } from '../received.ts';
import { UNKNOWN_COMMAND } from '../rejections.ts';
import type { Credentials } from './auth.ts';

/** A message whose content is about to come. */
export interface Transaction {
  readonly envelope: Envelope;
  /** What the client called itself. */
  readonly clientName: string;
  readonly protocol: Protocol;
}

export type ServerEvent =
  /** To be written: all replies that are ready. */
  | { readonly kind: 'reply'; readonly text: string }
  | { readonly kind: 'begin'; readonly transaction: Transaction }
  /** Octets of the content, as the client meant them. */
  | { readonly kind: 'chunk'; readonly bytes: Buffer }
  /** The content is whole; answer with `completed`. */
  | { readonly kind: 'end' }
  /** The content that began will not end. */
  | { readonly kind: 'abort' }
  /** Answer with `authenticated`. */
  | ({ readonly kind: 'login' } & Credentials)
  /** Begin the handshake, then answer with `secured`. What came in plain text behind the command is gone (CVE-2011-0411). */
  | { readonly kind: 'startTls' }
  /** For the log. */
  | { readonly kind: 'refused'; readonly reply: Reply; readonly command: string }
  /** Close the connection; no event follows. `agreed`: the client asked for it and has no more to say. */
  | { readonly kind: 'close'; readonly agreed: boolean };

/** Replies are written before these: whoever acts on them waits, or the connection is another one afterwards. */
const FLUSH_BEFORE: ReadonlySet<ServerEvent['kind']> = new Set(['end', 'login', 'startTls', 'close']);

/** Characters of a refused command in the log. */
const MAX_LOGGED = 300;
/** In place of what may be secret. */
const HIDDEN = '***';

export class Outbox {
  #replies = '';
  readonly #events: ServerEvent[] = [];
  /** A login was refused: lines behind it may be what its client had to say still. */
  #loginRefused = false;

  get isEmpty(): boolean {
    return this.#events.length === 0;
  }

  /** Encoded already. */
  reply(text: string): void {
    this.#replies += text;
  }

  add(event: ServerEvent): void {
    this.#events.push(event);
  }

  refuse(reply: Reply, command: string): void {
    this.#replies += encodeReply(reply);
    this.#events.push({ kind: 'refused', reply, command: this.#shown(reply, command) });
  }

  /** For the log. Whatever stands behind AUTH may be a password, and so may a line that is no command once a login was refused. */
  #shown(reply: Reply, command: string): string {
    const isLogin = /^\s*AUTH/i.test(command);
    this.#loginRefused ||= isLogin;
    if (isLogin) return 'AUTH';
    return this.#loginRefused && reply === UNKNOWN_COMMAND ? HIDDEN : printable(command.slice(0, MAX_LOGGED));
  }

  next(): ServerEvent | undefined {
    const event = this.#events[0];
    const flush = this.#replies !== '' && (event === undefined || FLUSH_BEFORE.has(event.kind));
    return flush ? this.#takeReplies() : this.#events.shift();
  }

  #takeReplies(): ServerEvent {
    const text = this.#replies;
    this.#replies = '';
    return { kind: 'reply', text };
  }
}
