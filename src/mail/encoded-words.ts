/** Text beyond ASCII in a header, as encoded-words (RFC 2047). */

/** Octets in one word, so that it has 75 characters at most with what surrounds it. */
const MAX_OCTETS = 42;

/** The whole text in words of UTF-8, each on a line of its own; no character is split between two. */
export function encodeWords(text: string): string {
  const pieces = [...text].reduce<string[]>((words, char) => {
    const last = words.at(-1);
    if (last !== undefined && Buffer.byteLength(last + char) <= MAX_OCTETS) words[words.length - 1] = last + char;
    else words.push(char);
    return words;
  }, []);
  return pieces.map((piece) => `=?utf-8?B?${Buffer.from(piece).toString('base64')}?=`).join('\r\n ');
}
