/** What of a webhook may stand in no log: its address is a secret to many receivers, because whoever knows it may post there. */

/** A part of a path that is short or letters alone is no secret, and stands in sentences. */
const WORD = /^(?:.{0,5}|[a-z_-]{0,15})$/i;

/** As they are written in the address, and as they are meant. */
export function secretsOf(url: string, keys: readonly Uint8Array[]): readonly string[] {
  const { username, password, pathname, search, searchParams } = new URL(url);
  const parts = pathname.split('/').filter((part) => !WORD.test(decoded(part)));
  const query = search.slice(1);
  const written = [username, password, `${pathname}${search}`, pathname, ...parts, query, ...query.split('&')];
  const login = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64');
  const signing = keys.map((key) => `whsec_${Buffer.from(key).toString('base64')}`);
  const bare = signing.map((secret) => secret.slice('whsec_'.length));
  return [
    ...written,
    ...written.map(decoded),
    ...searchParams.values(),
    ...(password === '' ? [] : [login]),
    ...signing,
    ...bare,
  ];
}

/** `%` alone is a character like others. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
