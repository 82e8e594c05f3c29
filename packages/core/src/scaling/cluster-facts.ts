/** What scaling has to know of the other instances. The node answers from its cluster view; nothing is kept across a step. */

import type { PartitionStats } from '../cluster/index.ts';
import type { ModelRecord } from '../records/index.ts';
import { type DurationMs, durationMs, type EpochMs, type InstanceId, type ModelKey } from '../units.ts';

/** How full a set of instances is. */
export type Fullness = Pick<PartitionStats, 'capacityUnits' | 'freeUnits' | 'oldestUseMs'>;

/** What the instances that a type may be loaded in have to say. One value per type and step: every copy of the type looks at it. */
export interface TypeFacts {
  /** Candidates that the type constraints allow, this instance among them if they allow it, with the busyness that they published. */
  readonly suitable: ReadonlyMap<InstanceId, number>;
  readonly fullness: Fullness;
  /** A copy whose load started longer ago is taken to serve. */
  readonly assumeLoadedAfterMs: DurationMs;
}

/** The cluster as one instance sees it. */
export interface ClusterFacts {
  readonly self: InstanceId;
  /** Registered, reachable and not leaving. This instance is, whatever its record says. */
  isLive(instance: InstanceId): boolean;
  /** Whether `a` is wanted for a load before `b` (spec §4.5.1): total, and the same on every node with an equal view. */
  isBefore(a: InstanceId, b: InstanceId): boolean;
  factsFor(type: string): TypeFacts;
}

/** Share of the capacity that is free; 0 where there is no capacity. */
export const freeShare = ({ capacityUnits, freeUnits }: Fullness): number => (capacityUnits > 0 ? freeUnits / capacityUnits : 0);

/** Time since the oldest last use; 0 where nothing is loaded, which is no sign of an idle cache. */
export const cacheAgeMs = ({ oldestUseMs }: Fullness, nowMs: EpochMs): DurationMs =>
  durationMs(oldestUseMs === null ? 0 : Math.max(0, nowMs - oldestUseMs));

/** A model's copies in live instances, with the age of each claim; a stamp from a clock that is ahead counts as now. */
export function liveCopies(
  record: Pick<ModelRecord, 'copies'>,
  cluster: Pick<ClusterFacts, 'isLive'>,
  nowMs: EpochMs,
): ReadonlyMap<InstanceId, DurationMs> {
  const live = new Map<InstanceId, DurationMs>();
  for (const [instance, claimedMs] of record.copies)
    if (cluster.isLive(instance)) live.set(instance, durationMs(Math.max(0, nowMs - claimedMs)));
  return live;
}

/** A model in a registry's own order, so that ties are decided alike everywhere. */
export const byKey = (a: ModelKey, b: ModelKey): number => (a < b ? -1 : a > b ? 1 : 0);
