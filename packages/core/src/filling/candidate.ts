/** A model that might be loaded although nobody waits for it, and the reasons for which that can be. */

import { type DurationMs, durationMs, type InstanceId, type ModelKey, type SizeUnits } from '../units.ts';
import type { Demand } from './worth.ts';

/**
 * Why a load is considered. `first-copy`: no live instance holds the model (it was never loaded, was evicted, or was lost with an
 * instance); `second-copy`: it is used regularly; `spread`: an instance with more than its share offers it to a fresh one.
 */
export type FillReason = 'first-copy' | 'second-copy' | 'spread';

/** A load that could be planned. */
export interface FillCandidate extends Demand {
  readonly model: ModelKey;
  readonly type: string;
  readonly reason: FillReason;
  readonly units: SizeUnits;
  /** What a cold start of it costs. */
  readonly loadMs: DurationMs;
  /** Holders, dead ones included, and instances where it failed. */
  readonly exclude: readonly InstanceId[];
  /** Worth per unit of the room that comes free where the copy is now, if that is full; else 0. Only for `spread`. */
  readonly freesPerUnit: number;
  /** Its owner has it unloaded when it was unused for so long (`copies.idleAfter`): it stays no longer; null: as long as there is room. */
  readonly idleAfterMs: DurationMs | null;
}

/** How long a copy would stay if nobody used it, in free room: 0 if it would be unloaded at once. */
export const staysAtMostMs = (idleMs: DurationMs, idleAfterMs: DurationMs | null): DurationMs =>
  durationMs(idleAfterMs === null ? Number.MAX_SAFE_INTEGER : Math.max(0, idleAfterMs - idleMs));

/** A model that failed in so many instances is left to calls (spec §4.9.3). */
export const FAILURES_MAX = 1;

/** An evicted model is offered again if it was registered for longer than two loads may take (spec §4.13) … */
export const REBALANCE_LOAD_TIMEOUTS = 2;
/** … and so much of the room that it may use is free. */
export const REBALANCE_FREE_SHARE_MIN = 0.05;

/** Whether a model that was evicted here is worth a look elsewhere at all (spec §4.13); what comes of it is decided by its worth. */
export const mayRebalance = (registeredForMs: DurationMs, loadTimeoutMs: DurationMs, freeShare: number): boolean =>
  registeredForMs > REBALANCE_LOAD_TIMEOUTS * loadTimeoutMs && freeShare >= REBALANCE_FREE_SHARE_MIN;
