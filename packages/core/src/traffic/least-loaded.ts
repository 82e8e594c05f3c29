import type { Live } from './pick.ts';

/**
 * Place of the variant with the fewest calls in flight for its share, among those that have one and can be called; -1: none can. Equals are
 * chosen among by chance.
 */
export function leastLoaded(shares: readonly number[], live: Live): number {
  let best = -1;
  let lowest = Number.POSITIVE_INFINITY;
  let equals = 0;
  for (let at = 0; at < shares.length; at++) {
    const share = shares[at] ?? 0;
    if (share === 0 || !live.available(at)) continue;
    const load = (live.inFlight(at) + 1) / share;
    if (load > lowest) continue;
    equals = load < lowest ? 1 : equals + 1;
    // One of k equals is kept with a chance of 1 in k, whichever way they are met.
    if (equals === 1 || live.chance() * equals < 1) best = at;
    lowest = load;
  }
  return best;
}
