/** Longest name that is compared: nobody mistypes a longer one by two letters. */
const COMPARED_CHARS_MAX = 40;

/** The known name that was most likely meant: at most two letters away, or the same but for case; `undefined` if none is near. */
export function suggest(name: string, known: readonly string[]): string | undefined {
  if (name.length > COMPARED_CHARS_MAX) return undefined;
  const lower = name.toLowerCase();
  const allowed = name.length <= 4 ? 1 : 2;
  let best: { readonly candidate: string; readonly distance: number } | undefined;
  for (const candidate of known) {
    const distance = editDistance(lower, candidate.toLowerCase());
    if (distance <= allowed && (best === undefined || distance < best.distance)) best = { candidate, distance };
  }
  return best?.candidate;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let [older, old]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, at) => at)];
  const at = (row: readonly number[], column: number): number => row[column] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(old, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(older, j - 2) + 1 : replaced;
      row.push(Math.min(replaced, swapped, at(old, j) + 1, at(row, j - 1) + 1));
    }
    [older, old] = [old, row];
  }
  return at(old, b.length);
}
