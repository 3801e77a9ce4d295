/** The known word that somebody probably meant. */

/** The known word with the fewest edits from `word`, when these are few for its length. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  // Of a short word two edits may leave nothing.
  const limit = Math.min(Math.max(2, Math.floor(word.length / 3)), Math.floor(word.length / 2));
  const ranked = known.map((name) => ({ name, edits: distance(word.toLowerCase(), name.toLowerCase()) }));
  const best = ranked.reduce((a, b) => (b.edits < a.edits ? b : a), { name: '', edits: limit + 1 });
  return best.edits <= limit ? best.name : undefined;
}

/** Levenshtein's distance, one row at a time. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
