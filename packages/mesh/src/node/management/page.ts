import type { Page, PageRequest } from '../control.ts';

/**
 * One page of what is there, in the order of the names. Looks at each name once and sorts only those of the page, so that a listing of very many
 * holds up no call for long.
 */
export function pageOf<Stored, Name extends string, Item>(
  all: Iterable<Stored>,
  nameOf: (stored: Stored) => Name,
  { after, limit }: PageRequest,
  itemOf: (name: Name) => Item | null,
): Page<Item> {
  // One more than the page holds tells whether another one follows.
  const first: Name[] = [];
  for (const stored of all) {
    const name = nameOf(stored);
    if (after !== null && name <= after) continue;
    const last = first.at(-1);
    if (first.length > limit && last !== undefined && name >= last) continue;
    first.splice(placeOf(name, first), 0, name);
    if (first.length > limit + 1) first.pop();
  }
  const chosen = first.slice(0, limit);
  const next = first.length > limit ? (chosen.at(-1) ?? null) : null;
  return { items: chosen.flatMap((name) => itemOf(name) ?? []), next };
}

/** Where a name stands among names that are sorted. */
function placeOf(name: string, sorted: readonly string[]): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? '') < name) low = middle + 1;
    else high = middle;
  }
  return low;
}
