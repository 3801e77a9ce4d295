/** Quoted-printable (RFC 2045 6.7) with its line breaks as they are. Pure. */

export function decodeQuotedPrintable(octets: Uint8Array): Buffer {
  const lines = Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('latin1').split('\n');
  return Buffer.from(lines.map((line, i) => decodedLine(line, i < lines.length - 1)).join(''), 'latin1');
}

/** Blanks at its end were added on the way, and an equals sign there takes the line break with it. */
function decodedLine(line: string, isEnded: boolean): string {
  const hasReturn = isEnded && line.endsWith('\r');
  const text = withoutBlanks(hasReturn ? line.slice(0, -1) : line);
  if (text.endsWith('=')) return decodedText(text.slice(0, -1));
  return decodedText(text) + (hasReturn ? '\r' : '') + (isEnded ? '\n' : '');
}

/** No pattern: it would look at a run of blanks once from each of them. */
function withoutBlanks(text: string): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === ' ' || text[end - 1] === '\t')) end--;
  return text.slice(0, end);
}

/** What is no pair of hexadecimal digits stands for itself. */
function decodedText(text: string): string {
  return text.replace(/=([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}
