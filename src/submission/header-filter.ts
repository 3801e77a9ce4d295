/**
 * Passes a content through, dropping what must not travel from its header, adding what is missing or empty there, and noting what lists
 * show.
 */
import { clip, decodeHeaderText } from './encoded-words.ts';

export interface MissingFields {
  /** The whole lines with their CRLF, put at the end of the header where it has none. */
  readonly date: string;
  readonly messageId: string;
}

const HT = 9;
const LF = 10;
const CR = 13;
const SP = 32;
const COLON = 58;
const DEL = 127;
const CRLF = Buffer.from('\r\n');
const NOTHING = Buffer.alloc(0);

/** A field name cannot be longer than a line (RFC 5322 2.1.1). */
const MAX_NAME = 998;
/** Octets of a field that are looked at: enough for 255 characters in any encoding, and for any Message-ID. */
const MAX_NOTED = 4096;
const MAX_SUBJECT = 255;

/**
 * What a line of the header is. `stray`: no field, between fields. `end`: it is the blank line, or there is no header at all. `more`: its
 * beginning does not tell yet.
 */
type Line = 'field' | 'folded' | 'stray' | 'end' | 'more';

export class HeaderFilter {
  readonly #missing: MissingFields;
  #state: 'line start' | 'in line' | 'body' = 'line start';
  /** The beginning of a line that cannot be judged yet, not longer than MAX_NAME. */
  #carry: Buffer = NOTHING;
  #fields = 0;
  #hasDate = false;
  #dropping = false;
  /** A Date or Message-ID that has no value so far: an empty one is none (RFC 5322 3.6.1, 3.6.4), and ours takes its place. */
  #hollow: Buffer | undefined;
  /**
   * A line that is no field has come before the blank line. To some readers the body begins there, to others the header goes on: so what
   * is missing stands before it, and a Bcc, which must reach nobody, is dropped behind it too. All else there is left as it is.
   */
  #strayed = false;
  /** The name of the field that goes by, where it is noted. */
  #noting: string | undefined;
  /** The first field of each name that is looked at. A Map: `__proto__` is a name like any other. */
  readonly #noted = new Map<string, string>();
  readonly #wanted: readonly string[];
  /** Octets of the header so far. */
  size = 0;
  /** Received fields so far. */
  hops = 0;

  /** `wanted`: names in lower case of further fields whose values `headers` is to give. */
  constructor(missing: MissingFields, wanted: readonly string[] = []) {
    this.#missing = missing;
    this.#wanted = wanted;
  }

  /** The pieces of these octets that stay, with what is added between them, in order. */
  push(bytes: Buffer): Buffer[] {
    if (this.#state === 'body') return [bytes];
    const input = this.#carry.length === 0 ? bytes : Buffer.concat([this.#carry, bytes]);
    this.#carry = NOTHING;
    return this.#filter(input);
  }

  /** The content is at its end: what was held back or is missing still. */
  end(): Buffer[] {
    if (this.#state === 'body') return [];
    if (this.#strayed) return [this.#carry];
    const unended = this.#state === 'in line' && !this.#dropping && this.#hollow === undefined;
    const rest = this.#endHeader(this.#carry);
    return unended && rest.length > 0 ? [CRLF, ...rest] : rest;
  }

  /** Decoded, at most 255 characters; null where the field is missing. */
  get subject(): string | null {
    const field = this.#noted.get('subject');
    return field === undefined ? null : clip(decodeHeaderText(fieldValue(field)), MAX_SUBJECT);
  }

  /** With its angle brackets; undefined where the field is missing or empty. */
  get messageId(): string | undefined {
    const value = fieldValue(this.#noted.get('message-id') ?? '');
    const text = decodeHeaderText(/<[^<>\s]+>/.exec(value)?.[0] ?? value) || value.trim();
    return text === '' ? undefined : clip(text, MAX_NAME);
  }

  /** The values of the Received fields, the latest first. */
  get traces(): readonly string[] {
    return [...this.#noted].flatMap(([name, field]) => (name.startsWith('received ') ? [fieldValue(field)] : []));
  }

  /** The decoded values of the wanted fields that are there. */
  get headers(): ReadonlyMap<string, string> {
    const found = this.#wanted.filter((name) => this.#noted.has(name));
    return new Map(found.map((name) => [name, decodeHeaderText(fieldValue(this.#noted.get(name) ?? ''))]));
  }

  /** All before `from` is dealt with; from there to `at` it stays. */
  #filter(input: Buffer): Buffer[] {
    const kept: Buffer[] = [];
    let from = 0;
    let at = 0;
    while (at < input.length) {
      const line = this.#state === 'in line' ? 'folded' : this.#judge(input, at);
      if (line === 'more') break;
      if (line === 'end') return [...kept, input.subarray(from, at), ...this.#endHeader(input.subarray(at))];
      if (line === 'stray') {
        kept.push(input.subarray(from, at), ...this.#stray());
        from = at;
      }
      const next = this.#passLine(input, at);
      if (this.#hollow !== undefined) {
        kept.push(input.subarray(from, at), ...this.#fill(this.#hollow, input.subarray(at, next)));
        from = next;
      } else if (this.#dropping) {
        kept.push(input.subarray(from, at));
        from = next;
      }
      at = next;
    }
    kept.push(input.subarray(from, at));
    this.#carry = Buffer.from(input.subarray(at));
    return kept;
  }

  /** Goes behind the end of the line, or of the input. */
  #passLine(input: Buffer, at: number): number {
    const lf = input.indexOf(LF, at);
    const next = lf === -1 ? input.length : lf + 1;
    if (!this.#strayed) this.size += next - at;
    this.#state = lf === -1 ? 'in line' : 'line start';
    if (this.#noting !== undefined) this.#note(this.#noting, input, at, next);
    return next;
  }

  /** What stays of a field that was hollow so far: all of it once it has a value. */
  #fill(before: Buffer, more: Buffer): Buffer[] {
    const field = Buffer.concat([before, more]);
    const empty = fieldValue(field.toString('latin1')).trim() === '';
    if (!empty) {
      this.#hollow = undefined;
      return [field];
    }
    this.#hollow = field;
    if (field.length > MAX_NOTED) this.#dropHollow();
    return [];
  }

  /** Nothing but white space has come, or more of it than anybody reads. */
  #dropHollow(): void {
    if (this.#hollow === undefined) return;
    if (/^date/i.test(this.#hollow.toString('latin1', 0, 4))) this.#hasDate = false;
    else this.#noted.delete('message-id');
    this.#hollow = undefined;
    this.#noting = undefined;
    this.#dropping = true;
  }

  #note(field: string, input: Buffer, at: number, next: number): void {
    const before = this.#noted.get(field) ?? '';
    this.#noted.set(field, before + input.toString('latin1', at, Math.min(next, at + MAX_NOTED - before.length)));
  }

  #judge(input: Buffer, at: number): Line {
    const first = input[at];
    if (first === LF) return 'end';
    if (first === CR) return at + 1 === input.length ? 'more' : 'end';
    if (first === SP || first === HT) return this.#fields === 0 ? 'end' : 'folded';
    const end = nameEnd(input, at);
    if (end === 'more') return 'more';
    const name = end === 'none' ? '' : input.toString('latin1', at, end).trimEnd().toLowerCase();
    if (this.#strayed) this.#dropping = isBcc(name);
    else if (end !== 'none') this.#beginField(name);
    else if (this.#fields === 0 && isMailboxLine(input, at)) this.#beginField('');
    else return this.#fields === 0 ? 'end' : 'stray';
    return 'field';
  }

  #beginField(name: string): void {
    this.#dropHollow();
    this.#fields++;
    this.#dropping = isBcc(name);
    this.#noting = undefined;
    if (this.#isMissing(name)) this.#hollow = NOTHING;
    if (name === 'received') this.#noting = `received ${++this.hops}`;
    else if (name === 'date') this.#hasDate = true;
    else if (this.#isLookedAt(name) && !this.#noted.has(name)) this.#noting = name;
  }

  /** It is what would be added. */
  #isMissing(name: string): boolean {
    return name === 'date' ? !this.#hasDate : name === 'message-id' && !this.#noted.has(name);
  }

  #isLookedAt(name: string): boolean {
    return name === 'subject' || name === 'message-id' || this.#wanted.includes(name);
  }

  #stray(): Buffer[] {
    this.#dropHollow();
    const added = this.#added();
    this.#strayed = true;
    this.#dropping = false;
    this.#noting = undefined;
    return added;
  }

  /** `rest` begins with the blank line, or with what is no header. */
  #endHeader(rest: Buffer): Buffer[] {
    this.#dropHollow();
    this.#state = 'body';
    this.#carry = NOTHING;
    const pieces = this.#strayed ? [] : this.#added();
    const headless = this.#fields === 0 && rest.length > 0 && rest[0] !== CR && rest[0] !== LF;
    if (headless) pieces.push(CRLF);
    if (rest.length > 0) pieces.push(rest);
    return pieces;
  }

  /** What the header has not. */
  #added(): Buffer[] {
    const added =
      (this.#hasDate ? '' : this.#missing.date) + (this.#noted.has('message-id') ? '' : this.#missing.messageId);
    return added === '' ? [] : [Buffer.from(added)];
  }
}

function isBcc(name: string): boolean {
  return name === 'bcc' || name === 'resent-bcc';
}

/** Where the colon of a field stands, with the white space before it that old messages have (RFC 5322 4.5). */
function nameEnd(input: Buffer, at: number): number | 'none' | 'more' {
  let spaced = false;
  const limit = Math.min(input.length, at + MAX_NAME);
  for (let i = at; i < limit; i++) {
    const octet = input[i] as number;
    if (octet === COLON) return i === at ? 'none' : i;
    if (octet === SP || octet === HT) spaced = true;
    else if (spaced || octet < SP || octet >= DEL) return 'none';
  }
  return limit === input.length ? 'more' : 'none';
}

/** The `From ` line of a mailbox file before the first field: no field, but the header goes on behind it. */
function isMailboxLine(input: Buffer, at: number): boolean {
  return /^>?From /.test(input.toString('latin1', at, at + 6));
}

function fieldValue(field: string): string {
  return field.slice(field.indexOf(':') + 1);
}
