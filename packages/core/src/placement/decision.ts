/** Decisions of placement as data, so that "why there" and "why not there" have answers. */

import type { ClusterInstance, CriterionName } from '../cluster/index.ts';
import type { Bytes, DurationMs, EpochMs, InstanceId, ModelKey, Namespace, SizeUnits } from '../units.ts';

/** An instance that could take the copy, with everything that it is judged by. */
export interface Candidate {
  readonly id: InstanceId;
  /** Its place in the order of desirability, 0 first, reservations counted. */
  readonly rank: number;
  /** Its record and what follows from it, reservations counted. */
  readonly instance: ClusterInstance;
  /** Memory that this node gave away there and that its record does not show yet. */
  readonly reservedUnits: SizeUnits;
  /** The type wants its labels, or has no need of them that others have. */
  readonly preferred: boolean;
  /** Copies of this model in the same zone, and at the same location. */
  readonly zoneCopies: number;
  readonly locationCopies: number;
}

/** Why an instance was not chosen: the first reason that applied, named by the step that found it. */
export type RejectionReason =
  | { readonly by: 'type-constraint'; readonly type: string; readonly missingLabels: readonly string[] }
  | { readonly by: 'excluded' }
  | { readonly by: 'holds-copy'; readonly sinceMs: EpochMs }
  | { readonly by: 'failed-there'; readonly atMs: EpochMs; readonly message: string }
  | { readonly by: 'tried' }
  | { readonly by: 'leaving' }
  | { readonly by: 'unreachable'; readonly because: 'no-answer' | 'no-address' }
  | { readonly by: 'too-small'; readonly neededUnits: SizeUnits; readonly capacityUnits: SizeUnits }
  | { readonly by: 'being-replaced'; readonly replicaSet: string }
  | { readonly by: 'preference'; readonly than: InstanceId }
  | { readonly by: 'class'; readonly than: InstanceId; readonly criterion: CriterionName }
  | { readonly by: 'zone'; readonly zone: string; readonly copies: number; readonly fewest: number }
  | { readonly by: 'location'; readonly location: string; readonly copies: number; readonly fewest: number }
  | { readonly by: 'oldest-use'; readonly youngerByMs: DurationMs; readonly allowedMs: DurationMs }
  | { readonly by: 'room'; readonly remainingUnits: SizeUnits; readonly requiredUnits: SizeUnits }
  | { readonly by: 'count'; readonly models: number; readonly allowed: number }
  | { readonly by: 'fit'; readonly remainingUnits: SizeUnits; readonly neededUnits: SizeUnits }
  | { readonly by: 'queue'; readonly loadsInProgress: number; readonly allowed: number }
  | { readonly by: 'busy'; readonly requestsPerMinute: number; readonly allowed: number };

/** An instance that was not chosen, and why. */
export interface Rejection {
  readonly id: InstanceId;
  readonly reason: RejectionReason;
}

/** How the choice fell among those on the shortlist. */
export type ChosenBy = 'only-one' | 'self' | 'affinity';

/** What was decided, about every instance that is known. */
export type PlacementDecision = {
  readonly namespace: Namespace;
  readonly model: ModelKey;
  readonly atMs: EpochMs;
  readonly units: SizeUnits;
  readonly bytes: Bytes;
  /** The instances that nothing forbids, most wanted first. */
  readonly candidates: readonly Candidate[];
  /** Every instance that is not on the shortlist, each once. */
  readonly rejections: readonly Rejection[];
} & (
  | {
      readonly kind: 'placed';
      /** Equally good: any of them would have done. */
      readonly shortlist: readonly Candidate[];
      readonly chosen: Candidate;
      readonly chosenBy: ChosenBy;
    }
  /** No instance may take it. `because` is a sentence for whoever waits. */
  | { readonly kind: 'nowhere'; readonly because: string }
);
