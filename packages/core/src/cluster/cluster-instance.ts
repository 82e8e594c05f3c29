import type { LabelStanding } from '../constraints/index.ts';
import { type InstanceRecord, leastRecentUseOrEndOfTime } from '../records/index.ts';
import { type DurationMs, type EpochMs, type InstanceId, type SizeUnits, sizeUnits } from '../units.ts';
import { desirabilityKey } from './desirability.ts';

/** What the picture of the cluster must be told besides the records. */
export interface ClusterConfig {
  /** Size of a model of which nothing is known; instances with less room than that are full (spec §4.1). */
  readonly defaultModelUnits: SizeUnits;
  /** A full instance whose oldest copy is younger than {@link SATURATED_CHURN_AGES} of this is saturated; 0: none ever is (spec §4.1). */
  readonly minChurnAgeMs: DurationMs;
}

/** Saturation is measured in churn ages (spec §4.5.1). */
export const SATURATED_CHURN_AGES = 2;

/**
 * Whether anything may be placed in an instance: `candidate`; `unreachable` if this node cannot talk to it, which its record does not say;
 * `leaving` if it said itself that it shuts down.
 */
export type InstanceStanding = 'candidate' | 'unreachable' | 'leaving';

/** An instance as placement sees it: its record and what follows from it. A value, replaced whole. */
export interface ClusterInstance {
  readonly id: InstanceId;
  readonly record: InstanceRecord;
  readonly standing: InstanceStanding;
  /** Capacity not in use; 0 where more is in use than there is. */
  readonly remainingUnits: SizeUnits;
  /** In use beyond what its record says, since more is assumed of it; counted in what remains. */
  readonly assumedUnits: SizeUnits;
  /** It has less room than {@link minSpaceUnits}. */
  readonly full: boolean;
  /** Loads in progress as it published them: the same for whoever looks. */
  readonly shownLoads: number;
  /** Last use of what it would evict first; the end of time where there is nothing to evict. */
  readonly oldestUseMs: EpochMs;
  /** Until then it is full of copies in use; −∞ if it is not, ∞ if it is full and has nothing to evict. */
  readonly saturatedUntilMs: number;
  /** Whether that is so now. Only as new as the picture's own time. */
  readonly saturated: boolean;
  /** What the type constraints say of its labels. */
  readonly labels: LabelStanding;
  /** Its place in the order of desirability; see `compareDesirability`. */
  readonly key: Readonly<Float64Array>;
}

/** An instance with less room than this is full (spec §4.1). A twentieth of the capacity bounds what many loading threads ask for. */
export function minSpaceUnits(capacityUnits: SizeUnits, loadingThreads: number, defaultModelUnits: SizeUnits): SizeUnits {
  const forAllThreads = Math.min(defaultModelUnits * Math.max(1, loadingThreads), Math.floor(capacityUnits / 20));
  return sizeUnits(Math.max(defaultModelUnits, forAllThreads));
}

const NO_UNITS = sizeUnits(0);

/** What is not of the record itself. */
export interface Seen {
  readonly unreachable: boolean;
  readonly nowMs: EpochMs;
  readonly labels: LabelStanding;
  /** Memory that the record is taken to use though nobody published it. */
  readonly assumedUnits?: SizeUnits;
  /** Loads in progress that were published, where the record counts others too. */
  readonly shownLoads?: number;
}

/** What follows from a record. */
export function clusterInstance(record: InstanceRecord, seen: Seen, config: ClusterConfig): ClusterInstance {
  const { capacityUnits, usedUnits, loadingThreads } = record;
  const remainingUnits = sizeUnits(Math.max(0, capacityUnits - usedUnits));
  const full = remainingUnits < minSpaceUnits(capacityUnits, loadingThreads, config.defaultModelUnits);
  const saturatedUntilMs = saturatedUntil(record, full, config);
  const judged = {
    id: record.id,
    record,
    standing: standingOf(record, seen),
    remainingUnits,
    assumedUnits: seen.assumedUnits ?? NO_UNITS,
    shownLoads: seen.shownLoads ?? record.loadsInProgress,
    full,
    oldestUseMs: leastRecentUseOrEndOfTime(record),
    saturatedUntilMs,
    saturated: seen.nowMs < saturatedUntilMs,
    labels: seen.labels,
  };
  return { ...judged, key: desirabilityKey(judged) };
}

function standingOf(record: InstanceRecord, seen: Seen): InstanceStanding {
  if (record.shuttingDown) return 'leaving';
  return seen.unreachable ? 'unreachable' : 'candidate';
}

/** ModelMesh compared the instant of the oldest use with the length of time, so that every instance seemed idle (spec §9.4, 1). */
function saturatedUntil(record: InstanceRecord, full: boolean, { minChurnAgeMs }: ClusterConfig): number {
  if (!full || minChurnAgeMs <= 0) return Number.NEGATIVE_INFINITY;
  if (record.leastRecentUseMs === undefined) return Number.POSITIVE_INFINITY;
  return record.leastRecentUseMs + SATURATED_CHURN_AGES * minChurnAgeMs;
}
