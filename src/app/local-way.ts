/** A way in for programs of this machine. */
import type { Reply } from '../mail/reply.ts';
import type { LocalMessage } from '../submission/sendmail/read-message.ts';

/** What came of a message: 250, or why it was not taken. */
export interface Answer {
  readonly reply: Reply;
  /** Where it went or why it could not, as a sentence. */
  readonly words: string;
}

export interface Way {
  submit(message: LocalMessage): Promise<Answer>;
  /** SMTP over pipes; false: the input ended in the middle of a message, which was not taken. */
  session(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): Promise<boolean>;
  close(): Promise<void>;
}
