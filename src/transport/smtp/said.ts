/** What is secret of a login, in every form in which it was said: relays exist that repeat it in their replies. */
import type { Reply } from '../../mail/reply.ts';
import { hideSecrets } from '../../runtime/secrets.ts';
import { type Credentials, secretOf } from './credentials.ts';

export class SaidSecrets {
  readonly #secrets = new Set<string>();

  get isEmpty(): boolean {
    return this.#secrets.size === 0;
  }

  /** These are said next. */
  add(credentials: Credentials): void {
    this.#secrets.add(secretOf(credentials));
  }

  /** A command of the login, or an answer in it. */
  addLine(line: string): void {
    const said = line.replace(/^AUTH \S+ ?/, '');
    this.#secrets.add(said).add(said.replace(/=+$/, ''));
    // Of CRAM-MD5: with it passwords can be tried until one fits.
    const digest = / ([0-9a-f]{32})$/.exec(Buffer.from(said, 'base64').toString('latin1'))?.[1];
    if (digest !== undefined) this.#secrets.add(digest);
  }

  hiddenIn<T extends { readonly reply: Reply }>(told: T): T {
    return { ...told, reply: { ...told.reply, text: hideSecrets(told.reply.text, this.#secrets) } };
  }
}
