import type { Random } from '../../random.ts';
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
  readonly nowMs: EpochMs;
  readonly random: Random;
  /** Shares by the figures of all variants that have a weight, in their order; `null`: it has no opinion now. */
  readonly decide: (arms: readonly ArmFigures[], random: Random) => readonly SplitShare[] | null;
}

/** Weights to be written; `null`: those that are there stay. */
export function nextWeights(input: WeightsInput): WeightsRecord | null {
  const { policy, live, ended, nowMs, random } = input;
  const before = input.weights?.revision === policy.revision ? input.weights : undefined;
  const carried = ended.length === 0 ? (before?.carried ?? []) : sumArms([before?.carried ?? [], ...ended]);
  const weighted = policy.policy.variants.filter(({ weight }) => weight > 0).map(({ name }) => name);
  const known = new Map(sumArms([carried, ...live]).map((arm) => [arm.variant, arm]));
  const arms = weighted.map((variant) => known.get(variant) ?? { variant, calls: 0, rewards: 0 });
  const inForce = before?.slots ?? policy.slots.get(MAIN_SPLIT) ?? [];
  const shares = arms.length === 0 ? null : input.decide(arms, random);
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
