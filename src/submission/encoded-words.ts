/** Header text for people: encoded-words (RFC 2047) and raw octets made readable. */

/** One encoded-word: charset with an optional language (RFC 2231 5), encoding, text. No part can match in two ways, so no input is slow. */
const WORD = /=\?([^?\s]{1,80})\?([bBqQ])\?([^?\s]*)\?=/g;

/** Decodes the raw value of an unstructured field, given as latin1 text of its octets: unfolds it and leaves no control characters. */
export function decodeHeaderText(raw: string): string {
  const line = raw.replace(/\r?\n/g, '');
  const text = line.includes('=?') ? decodeWords(line) : decodeOctets(Buffer.from(line, 'latin1'));
  return text.replace(/\p{Cc}+/gu, ' ').trim();
}

interface Run {
  readonly charset: string;
  readonly octets: Buffer[];
}

/** Neighbouring words of one charset are decoded together: a character may be split between them, as some programs do. */
function decodeWords(line: string): string {
  let text = '';
  let run: Run | undefined;
  let at = 0;
  for (const match of line.matchAll(WORD)) {
    const [whole, charset = '', encoding = '', encoded = ''] = match;
    const between = line.slice(at, match.index);
    at = match.index + whole.length;
    const name = charset.replace(/\*.*/, '').toLowerCase();
    if (run !== undefined && run.charset === name && between.trim() === '') {
      run.octets.push(decodeWord(encoding, encoded));
      continue;
    }
    // White space between two encoded-words is not shown (RFC 2047 6.2).
    const gap = run !== undefined && between.trim() === '' ? '' : decodeOctets(Buffer.from(between, 'latin1'));
    text += decodeRun(run) + gap;
    run = { charset: name, octets: [decodeWord(encoding, encoded)] };
  }
  return text + decodeRun(run) + decodeOctets(Buffer.from(line.slice(at), 'latin1'));
}

function decodeWord(encoding: string, encoded: string): Buffer {
  if (encoding === 'b' || encoding === 'B') return Buffer.from(encoded, 'base64');
  const octets = encoded
    .replaceAll('_', ' ')
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(octets, 'latin1');
}

function decodeRun(run: Run | undefined): string {
  if (run === undefined) return '';
  const octets = Buffer.concat(run.octets);
  try {
    return new TextDecoder(run.charset).decode(octets);
  } catch {
    return decodeOctets(octets);
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Octets without a charset: UTF-8 where they are that, else latin1. */
function decodeOctets(octets: Buffer): string {
  try {
    return utf8.decode(octets);
  } catch {
    return octets.toString('latin1');
  }
}

/** At most `limit` UTF-16 units, never half a character. */
export function clip(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const last = text.charCodeAt(limit - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? limit - 1 : limit);
}
