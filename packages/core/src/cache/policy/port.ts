import type { DurationMs, EpochMs, ModelKey, SizeUnits } from '../../units.ts';

/** The orders of victims that there are. */
export type CachePolicyName = 'lru';

/** One copy as an order of victims sees it, read at the instant of a choice. */
export interface RankedCopy {
  readonly model: ModelKey;
  /** Booked for it. */
  readonly units: SizeUnits;
  /** The last use that was read; exact while a choice is made. */
  readonly lastUsedMs: EpochMs;
  /** Calls that this copy was given so far. */
  readonly calls: number;
  /** True for a failed load that is only remembered: one unit, nothing loaded. */
  readonly isFailure: boolean;
}

/** Why a copy stands where it does in the order, for explanations. */
export type RankReason = { readonly policy: 'lru' };

/**
 * An order of victims: what goes first when room has to be made. The machine keeps the copies in a heap by rank, and asks again for
 * those that it meets at the top, so that the choice is exact although nobody tells it of each use. What pins, waits for a call or has
 * just begun to serve is spared by the machine, whatever the order says.
 *
 * A law that each adapter keeps: while `epoch` stays, the rank of a copy never falls by being used. Ranks of another epoch do not
 * compare; the machine asks for all of them anew.
 */
export interface CachePolicy {
  readonly name: CachePolicyName;
  /** True where the rank is the last use and nothing else, so that the first in the order is the one idle for longest. */
  readonly isByLastUse: boolean;
  readonly epoch: number;
  /** Smaller goes first. Asking again without a use in between gives the same. */
  rankOf(copy: RankedCopy, nowMs: EpochMs): number;
  /** A load ended well after this long. */
  loaded(model: ModelKey, loadMs: DurationMs): void;
  /** The copy, as last seen, is in the order no more: it left, or lost its booking. */
  left(copy: RankedCopy, nowMs: EpochMs): void;
  explain(copy: RankedCopy, nowMs: EpochMs): RankReason;
}
