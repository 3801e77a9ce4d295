/** The lines of what Nodemailer composes here: no composer smuggles anything past itself, so a CR of a progress bar ends a line, as in sendmail. */
import { Transform } from 'node:stream';
import type { MailMessage } from './generated.ts';
import { LocalLines } from './sendmail/local-lines.ts';

/** A transform of the message itself: signatures that Nodemailer makes come behind it, and hold. What comes ready may be signed, and stays as it is. */
export function makeLinesWhole({ data, message }: MailMessage): void {
  if (!data.raw) message.transform(wholeLines);
}

function wholeLines(): Transform {
  const lines = new LocalLines(false);
  return new Transform({
    transform: (bytes: Buffer, _, done) => done(null, lines.push(bytes)),
    flush: (done) => done(null, lines.end()),
  });
}
