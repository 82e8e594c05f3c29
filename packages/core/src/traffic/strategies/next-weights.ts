import {
  type ArmFigures,
  newWeightsRecord,
  type PolicyRecord,
  type SlotRun,
  type SplitShare,
  type WeightsRecord,
} from '../../records/index.ts';
import type { EpochMs } from '../../units.ts';
import { apportion, MAIN_SPLIT, slotCounts } from '../slots.ts';

/** Shares that would change by less than this many of the 10 000 slots are left as they are: sticky units are not moved by noise. */
export const SHARE_CHANGE_MIN = 100;

/** What the next weights of an endpoint follow from. */
export interface WeightsInput {
  readonly policy: PolicyRecord;
  /** As they were set last, for whichever revision. */
  readonly weights: WeightsRecord | undefined;
  /** What each life that goes on has counted under this revision. */
  readonly live: readonly (readonly ArmFigures[])[];
  /** What lives had counted that are over since `weights` was written. */
  readonly ended: readonly (readonly ArmFigures[])[];
}

/** The figures of all variants that have a weight, in their order. */
export function armsOf({ policy, weights, live, ended }: WeightsInput): readonly ArmFigures[] {
  const carried = ofRevision(policy, weights)?.carried ?? [];
  const known = new Map(sumArms([carried, ...ended, ...live]).map((arm) => [arm.variant, arm]));
  const weighted = policy.policy.variants.filter(({ weight }) => weight > 0);
  return weighted.map(({ name: variant }) => known.get(variant) ?? { variant, calls: 0, rewards: 0 });
}

const ofRevision = ({ revision }: PolicyRecord, weights: WeightsRecord | undefined): WeightsRecord | undefined =>
  weights?.revision === revision ? weights : undefined;

/**
 * Weights to be written; `null`: those that are there stay.
 *
 * @param shares what the strategy made of {@link armsOf}; `null`: it has no opinion now
 */
export function nextWeights(input: WeightsInput, shares: readonly SplitShare[] | null, nowMs: EpochMs): WeightsRecord | null {
  const { policy, ended } = input;
  const before = ofRevision(policy, input.weights);
  const carried = ended.length === 0 ? (before?.carried ?? []) : sumArms([before?.carried ?? [], ...ended]);
  const inForce = before?.slots ?? policy.slots.get(MAIN_SPLIT) ?? [];
  const slots = shares === null ? inForce : changed(inForce, apportion(inForce, shares));
  if (slots === inForce && ended.length === 0) return null;
  const { id, namespace, revision } = policy;
  return newWeightsRecord({
    id,
    namespace,
    revision,
    sequence: (before?.sequence ?? 0) + 1,
    changedAtMs: nowMs,
    slots,
    carried,
    unknownFields: before?.unknownFields ?? new Map(),
  });
}

/** The figures of several, by variant. */
export function sumArms(lists: readonly (readonly ArmFigures[])[]): readonly ArmFigures[] {
  const sums = new Map<string, { variant: string; calls: number; rewards: number }>();
  for (const { variant, calls, rewards } of lists.flat()) {
    const sum = sums.get(variant);
    if (sum === undefined) sums.set(variant, { variant, calls, rewards });
    else {
      sum.calls += calls;
      sum.rewards += rewards;
    }
  }
  return [...sums.values()];
}

function changed(before: readonly SlotRun[], after: readonly SlotRun[]): readonly SlotRun[] {
  if (after.length === 0) return before;
  const [old, young] = [slotCounts(before), slotCounts(after)];
  const differs = [...new Set([...old.keys(), ...young.keys()])].some(
    (variant) => Math.abs((young.get(variant) ?? 0) - (old.get(variant) ?? 0)) >= SHARE_CHANGE_MIN,
  );
  return differs ? after : before;
}
