/** The addresses in a header field or on a command line (RFC 5322 3.4, with the old forms of 4.4): one pass, no recursion. */

export interface AddressList {
  /** As they stand there without names and comments; one without `@` has no domain. */
  readonly addresses: readonly string[];
  /** Entries that are no address, as they stand there. */
  readonly faults: readonly string[];
}

/** What separates two words of an entry: `user @ example.com` is one address (RFC 5322 4.4), `two words` is none. */
const JOINS = /^[.@]|[.@]$/;

/** Names, comments, folds and groups go; encoded-words stand in names only, and so go too. */
export function parseAddressList(text: string): AddressList {
  return new Reader(text).read();
}

class Reader {
  readonly #text: string;
  #at = 0;
  /** Where the entry begins. */
  #start = 0;
  /** Its words outside of angle brackets. */
  #words: string[] = [];
  /** White space or a comment stands behind the last word. */
  #gap = false;
  /** What stands in its angle brackets. */
  #route: string | undefined;
  #broken = false;
  readonly #addresses: string[] = [];
  readonly #faults: string[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  read(): AddressList {
    while (this.#at < this.#text.length) this.#step(this.#text[this.#at] as string);
    this.#endEntry();
    return { addresses: this.#addresses, faults: this.#faults };
  }

  #step(char: string): void {
    if (char === ',' || char === ';') this.#endEntry();
    else if (char === ':') this.#colon();
    else if (char === '<') this.#angle();
    else if (char === '(') this.#comment();
    else if (/[\s]/.test(char)) this.#space();
    else this.#word(char === '"' ? this.#quoted('"') : char === '[' ? this.#quoted(']') : this.#atom());
  }

  #space(): void {
    this.#gap = true;
    this.#at++;
  }

  /** Goes behind a comment and those in it. */
  #comment(): void {
    this.#gap = true;
    let depth = 0;
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text[this.#at];
      if (char === '\\') this.#at++;
      else if (char === '(') depth++;
      else if (char === ')' && --depth === 0) break;
    }
    if (depth > 0) this.#broken = true;
    this.#at++;
  }

  /** From the character here to its partner, both included. */
  #quoted(partner: string): string {
    const from = this.#at++;
    while (this.#at < this.#text.length && this.#text[this.#at] !== partner)
      this.#at += this.#text[this.#at] === '\\' ? 2 : 1;
    if (this.#at >= this.#text.length) this.#broken = true;
    this.#at++;
    return this.#text.slice(from, this.#at).replace(/\r?\n/g, '');
  }

  #atom(): string {
    const from = this.#at;
    // A character that nobody expects here, such as `>`, is an atom of its own, and no address in the end.
    do this.#at++;
    while (this.#at < this.#text.length && !/[\s,;:<>()"[]/.test(this.#text[this.#at] as string));
    return this.#text.slice(from, this.#at);
  }

  #word(word: string): void {
    const last = this.#words.at(-1);
    const joined =
      last !== undefined && (!this.#gap || JOINS.test(word[0] as string) || JOINS.test(last.at(-1) as string));
    if (joined) this.#words[this.#words.length - 1] = last + word;
    else this.#words.push(word);
    this.#gap = false;
  }

  /** The name of a group ends; its members are entries like any other. */
  #colon(): void {
    this.#at++;
    this.#words = [];
    this.#start = this.#at;
  }

  /** `<user@example.com>`, or with the route that nobody takes any more: `<@a,@b:user@example.com>`. */
  #angle(): void {
    this.#at++;
    if (this.#route !== undefined) this.#broken = true;
    let route = '';
    while (this.#at < this.#text.length && this.#text[this.#at] !== '>') {
      const char = this.#text[this.#at] as string;
      if (char === '"') route += this.#quoted('"');
      else if (char === '(') this.#comment();
      else {
        if (!/\s/.test(char)) route += char;
        this.#at++;
      }
    }
    if (this.#at >= this.#text.length) this.#broken = true;
    this.#at++;
    this.#route = route.replace(/^@[^:"]*:/, '');
  }

  #endEntry(): void {
    const address = this.#route ?? this.#words[0];
    const whole = this.#text.slice(this.#start, this.#at).trim();
    const manyWords = this.#route === undefined && this.#words.length > 1;
    if (this.#broken || manyWords) this.#faults.push(whole);
    else if (address !== undefined) this.#addresses.push(address);
    this.#words = [];
    this.#route = undefined;
    this.#gap = false;
    this.#broken = false;
    this.#start = ++this.#at;
  }
}
