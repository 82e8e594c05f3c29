import type { ClusterView } from '../cluster/index.ts';
import type { LoadFailure } from '../records/index.ts';
import type { DurationMs, EpochMs, InstanceId, ModelKey, Namespace, SizeUnits } from '../units.ts';
import type { Reservations } from './reservations.ts';
import type { UpgradeTracker } from './upgrades.ts';

/** A copy that is wanted. */
export interface PlacementRequest {
  readonly namespace: Namespace;
  readonly model: ModelKey;
  /** Drives type constraints. */
  readonly type: string;
  /** What the copy is expected to weigh. */
  readonly units: SizeUnits;
  /** Last use of the model. In the future for a copy more of a busy model: the quiet instances are preferred then (spec §4.7.6). */
  readonly lastUsedMs: EpochMs;
  /** Instances that hold or load a copy, by the registry. */
  readonly copies: ReadonlyMap<InstanceId, EpochMs>;
  /** Loads that failed, by the registry. */
  readonly failures: ReadonlyMap<InstanceId, LoadFailure>;
  /** Instances that the caller does not want. */
  readonly exclude: ReadonlySet<InstanceId>;
  /** Instances that were tried for this call already. */
  readonly tried: ReadonlySet<InstanceId>;
  /** This instance is chosen if it is as good as any: that saves a hop. */
  readonly favourSelf: boolean;
}

/** What the decision rests on besides the request. */
export interface PlacementSituation {
  readonly cluster: ClusterView;
  readonly nowMs: EpochMs;
  /** The instance that decides. */
  readonly self: InstanceId;
  /** How long a failed load speaks against an instance (spec §4.17). */
  readonly failureExpiryMs: DurationMs;
  /** Loads that this instance sent to others a moment ago. */
  readonly reservations: Reservations;
  /** Which replica sets are being replaced. */
  readonly upgrades: UpgradeTracker;
}
