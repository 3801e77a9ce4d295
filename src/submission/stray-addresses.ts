/** Addresses in the words of a field that Nodemailer took for a name, a group, or part of another address. */
import parseAddresses from 'nodemailer/lib/addressparser';

/** As far as an address can be told without its place: a local part, bare or quoted, an @ and a domain. Their lengths have bounds so that a search takes no time but that of reading. */
const LOCAL = String.raw`(?:"(?:[^"\\]|\\.){0,64}"|(?<![^\s"(),:;<>@])[^\s"(),:;<>@]+)`;
const DOMAIN = String.raw`(?:\[[^\]]{0,255}\]|[^\s"(),:;<>@]{1,255})`;
/** With spaces around the @ (RFC 5322 4.4) only where the domain has a dot: people write "Ann @ Example" in names. */
const LIKE_ADDRESS = new RegExp(String.raw`${LOCAL}(?:@${DOMAIN}| ?@ ?[^\s"(),:;<>@.]{1,63}\.${DOMAIN})`, 'gsu');

/** The first that is no address of its own; what stands in comments and in quotes means nothing. */
export function strayAddress(field: string): string | undefined {
  const parsed = parseAddresses(field, { flatten: true }).map(({ address }) => address);
  const found = parsed.filter((address) => address.includes('@'));
  // As many as there are signs of them: the common case, and cheap.
  if (field.split('@').length - 1 <= found.length) return undefined;
  const written = withoutAsides(field).match(LIKE_ADDRESS) ?? [];
  const taken = new Set(found.map(keyOf));
  const stray = written.find((text) => !taken.has(keyOf(text)) && !taken.has(keyOf(text.replace(/^'+|'+$/g, ''))));
  return stray ?? madeUp(found, new Set(written.map(keyOf)));
}

/** Two addresses in quotes and nothing else become one with a local part that nobody wrote. */
function madeUp(found: readonly string[], written: ReadonlySet<string>): string | undefined {
  return found.find((address) => address.split('@').length > 2 && !written.has(keyOf(address)));
}

function keyOf(address: string): string {
  const tight = address.replace(/ ?@ ?/g, '@');
  const at = tight.lastIndexOf('@', tight.endsWith(']') ? tight.lastIndexOf('[') : tight.length);
  const local = tight
    .slice(0, at)
    .replace(/^"(.*)"$/s, '$1')
    .replace(/\\(.)/gs, '$1');
  return `${local}${tight.slice(at)}`.toLowerCase();
}

/** The field without comments and quoted texts that are no local parts; from the first that is never closed on, nothing is one. */
function withoutAsides(field: string): string {
  let rest = '';
  let i = 0;
  while (i < field.length) {
    const end = endOfAside(field, i);
    if (end === undefined) break;
    const isText = end === i + 1 || (field[i] === '"' && /^\s*@/.test(field.slice(end, end + 9)));
    rest += isText ? field.slice(i, end) : ' ';
    i = end;
  }
  return `${rest}${field.slice(i)}`.replace(/\s+/g, ' ').replace(/ ?\. ?/g, '.');
}

/** The place behind what begins here, be it one character; undefined: it has no end. */
function endOfAside(field: string, begin: number): number | undefined {
  const first = field[begin];
  if (first !== '(' && first !== '"') return begin + 1;
  let depth = 1;
  for (let i = begin + 1; i < field.length; i++) {
    if (field[i] === '\\') i++;
    else if (field[i] === (first === '(' ? ')' : '"')) depth--;
    else if (field[i] === first) depth++;
    if (depth === 0) return i + 1;
  }
  return undefined;
}
