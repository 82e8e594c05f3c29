import type { EndpointPolicy, SlotAssignment, SlotRun, SplitShare } from '../records/index.ts';
import { SLOTS } from './hash.ts';
import { sharesOf } from './shares.ts';

/** Name of the split by the variants' weights among the splits of a policy; the others have their rule's name. */
export const MAIN_SPLIT = '';

/** The splits of a policy by their names. */
export function splitsOf(policy: EndpointPolicy): ReadonlyMap<string, readonly SplitShare[]> {
  const main = policy.variants.map(({ name, weight }) => ({ variant: name, weight }));
  const splits = new Map<string, readonly SplitShare[]>([[MAIN_SPLIT, main]]);
  for (const { name, to } of policy.rules) if (to.kind === 'split') splits.set(name, to.shares);
  return splits;
}

/** The slots of all splits of a policy, each made from the one of the same name in `previous`. */
export function assignSlots(policy: EndpointPolicy, previous: SlotAssignment): SlotAssignment {
  const assigned = new Map<string, readonly SlotRun[]>();
  for (const [name, split] of splitsOf(policy)) assigned.set(name, apportion(previous.get(name) ?? [], split));
  return assigned;
}

/**
 * Gives every variant its share of the slots and moves as few as can be: a variant whose share fell gives up the difference, one whose share rose
 * takes it, everything else stays where it is. Hence of all units exactly ½·Σ|Δshare| change their variant.
 *
 * No rule without memory can do this for three variants or more. If the variant of a unit depended on the weights alone and only ever changed
 * from a falling to a rising share, then variant i would hold the unit wherever its weight is at least some threshold tᵢ; these regions would have
 * to cover all weights that sum to 1 (so Σtᵢ ≤ 1) without two of them meeting (so tᵢ + tⱼ > 1), which three thresholds cannot.
 *
 * @param previous empty for a new split; its counts sum to {@link SLOTS} otherwise
 * @returns runs that sum to {@link SLOTS}; none if all weights are 0
 */
export function apportion(previous: readonly SlotRun[], split: readonly SplitShare[]): readonly SlotRun[] {
  const shares = sharesOf(split.map(({ weight }) => weight));
  if (shares.every((share) => share === 0)) return [];
  const wanted = new Map(split.map(({ variant }, at) => [variant, shares[at] ?? 0]));
  const runs = previous.length === 0 ? [{ variant: undefined, count: SLOTS }] : previous;
  const kept = new Map<string, number>();
  const pieces: { variant: string | undefined; count: number }[] = [];
  for (const { variant, count } of runs) {
    const keeps = variant === undefined ? 0 : Math.min(count, (wanted.get(variant) ?? 0) - (kept.get(variant) ?? 0));
    if (variant !== undefined) kept.set(variant, (kept.get(variant) ?? 0) + keeps);
    if (keeps > 0) pieces.push({ variant, count: keeps });
    if (keeps < count) pieces.push({ variant: undefined, count: count - keeps });
  }
  const rising = [...wanted].map(([variant, share]) => ({ variant, lacks: share - (kept.get(variant) ?? 0) }));
  return merged(filled(pieces, rising));
}

/** Gives the free pieces to those that lack slots, in their order. */
function filled(
  pieces: readonly { readonly variant: string | undefined; readonly count: number }[],
  rising: readonly { readonly variant: string; lacks: number }[],
): readonly SlotRun[] {
  const runs: SlotRun[] = [];
  let at = 0;
  for (const { variant, count } of pieces) {
    if (variant !== undefined) {
      runs.push({ variant, count });
      continue;
    }
    for (let free = count; free > 0; ) {
      const taker = rising[at];
      if (taker === undefined) break;
      const takes = Math.min(free, taker.lacks);
      if (takes > 0) runs.push({ variant: taker.variant, count: takes });
      taker.lacks -= takes;
      free -= takes;
      if (taker.lacks === 0) at += 1;
    }
  }
  return runs;
}

function merged(runs: readonly SlotRun[]): readonly SlotRun[] {
  const out: { variant: string; count: number }[] = [];
  for (const { variant, count } of runs) {
    const last = out.at(-1);
    if (last?.variant === variant) last.count += count;
    else out.push({ variant, count });
  }
  return out;
}

/** Slots of each variant of a split. */
export function slotCounts(runs: readonly SlotRun[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { variant, count } of runs) counts.set(variant, (counts.get(variant) ?? 0) + count);
  return counts;
}

/** Slots that belong to another variant in `after` than in `before`, by what they leave and what they go to. */
export function movedSlots(
  before: readonly SlotRun[],
  after: readonly SlotRun[],
): readonly { from: string; to: string; count: number }[] {
  const moved = new Map<string, { from: string; to: string; count: number }>();
  const ends = (runs: readonly SlotRun[]): { variant: string; end: number }[] => {
    let end = 0;
    return runs.map(({ variant, count }) => {
      end += count;
      return { variant, end };
    });
  };
  const [old, young] = [ends(before), ends(after)];
  let [at, was, is] = [0, 0, 0];
  while (was < old.length && is < young.length) {
    const [from, to] = [old[was], young[is]];
    if (from === undefined || to === undefined) break;
    const end = Math.min(from.end, to.end);
    if (from.variant !== to.variant && end > at) {
      const key = JSON.stringify([from.variant, to.variant]);
      const entry = moved.get(key) ?? { from: from.variant, to: to.variant, count: 0 };
      entry.count += end - at;
      moved.set(key, entry);
    }
    at = end;
    if (from.end === end) was += 1;
    if (to.end === end) is += 1;
  }
  return [...moved.values()];
}
