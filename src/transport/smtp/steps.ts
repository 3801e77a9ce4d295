/** The steps from the greeting to a connection that takes mail: each says what it wants next, and is given it. */
import type { Reply } from '../../mail/reply.ts';
import type { Credentials } from './credentials.ts';

export type OpeningStage = 'greeting' | 'ehlo' | 'tls' | 'auth';

/** Credentials that the relay refused, and how. */
export interface Refused {
  readonly credentials: Credentials;
  readonly reply: Reply;
}

export type Step =
  /** The reply to a command; null: to none, which is the greeting. */
  | { readonly wants: 'reply'; readonly stage: OpeningStage; readonly command: string | null }
  /** That the TLS handshake is done. */
  | { readonly wants: 'tls'; readonly stage: 'tls' }
  | { readonly wants: 'credentials'; readonly stage: 'auth'; readonly refused: Refused | null };

/** What a step is given: a reply, also for TLS, or credentials. */
export type Given = Reply | Credentials;

export type Steps<Result> = Generator<Step, Result, Given>;

/** Why the opening came to its end. */
export class HandshakeFault extends Error {
  readonly stage: OpeningStage;
  readonly reply: Reply;

  constructor(stage: OpeningStage, reply: Reply) {
    super(reply.text);
    this.stage = stage;
    this.reply = reply;
  }
}

export function* command(stage: OpeningStage, text: string | null): Steps<Reply> {
  return (yield { wants: 'reply', stage, command: text }) as Reply;
}

export function* askCredentials(refused: Refused | null): Steps<Credentials> {
  return (yield { wants: 'credentials', stage: 'auth', refused }) as Credentials;
}

/** Stands for the reply that a finished TLS handshake is. */
export const TLS_DONE: Reply = { code: 220, text: '' };
