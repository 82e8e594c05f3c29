import { SLOTS } from './hash.ts';

/**
 * Weights in any proportion as shares of {@link SLOTS}: whole numbers that sum to it, each at most one away from the exact proportion (largest
 * remainder, the earlier of equals first). A positive weight gets at least one slot, a weight of 0 none.
 *
 * @param weights finite, not negative, at most {@link SLOTS} of them; if all are 0, all shares are 0
 */
export function sharesOf(weights: readonly number[]): readonly number[] {
  const largest = Math.max(0, ...weights);
  if (largest === 0) return weights.map(() => 0);
  // Scaled first, so that no sum of finite weights overflows.
  const scaled = weights.map((weight) => weight / largest);
  const total = scaled.reduce((sum, weight) => sum + weight, 0);
  const exact = scaled.map((weight, at) => ({ at, slots: (weight / total) * SLOTS, named: (weights[at] ?? 0) > 0 }));
  const shares = exact.map(({ slots, named }) => (named ? Math.max(1, Math.floor(slots)) : 0));
  let left = SLOTS - shares.reduce((sum, share) => sum + share, 0);
  const byRemainder = exact
    .filter(({ named }) => named)
    .toSorted((a, b) => b.slots - (shares[b.at] ?? 0) - (a.slots - (shares[a.at] ?? 0)) || a.at - b.at);
  for (let turn = 0; left > 0; turn++, left--) add(shares, byRemainder[turn % byRemainder.length]?.at, 1);
  // What was rounded up to a whole slot is taken where it weighs least.
  while (left < 0) {
    add(shares, shares.indexOf(Math.max(...shares)), -1);
    left += 1;
  }
  return shares;
}

function add(shares: number[], at: number | undefined, slots: number): void {
  if (at !== undefined) shares[at] = (shares[at] ?? 0) + slots;
}
