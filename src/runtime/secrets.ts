/** Keeps secrets out of what others say: whoever repeats what it was told must not tell it to all who read logs. */

/** A shorter secret is none, and hiding it would take letters out of words. */
const LEAST = 4;
/** A piece of a secret that is so long tells it too: answers are cut off somewhere. */
const PIECE = /[\w+/=-]{16,}/g;
const HIDDEN = '***';

/** `text` without the secrets, as they are and as JSON writes them, and without long pieces of them. Shorter ones than four characters stay. */
export function hideSecrets(text: string, secrets: Iterable<string>): string {
  const forms = [...secrets].flatMap(formsOf).filter((form) => form.length >= LEAST);
  // A secret may be a part of another one.
  forms.sort((a, b) => b.length - a.length);
  const hidden = forms.reduce((rest, form) => rest.replaceAll(form, HIDDEN), text);
  return hidden.replace(PIECE, (piece) => (forms.some((form) => form.includes(piece)) ? HIDDEN : piece));
}

function formsOf(secret: string): readonly string[] {
  const written = JSON.stringify(secret).slice(1, -1);
  return [secret, written, written.replaceAll('/', '\\/')];
}
