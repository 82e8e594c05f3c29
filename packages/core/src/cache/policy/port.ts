import type { DurationMs, EpochMs, ModelKey, SizeUnits } from '../../units.ts';

/** The orders of victims that there are. */
export type CachePolicyName = 'lru' | 'cost-aware';

/** One copy as an order of victims sees it. */
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

/** A load that ended well. */
export interface FinishedLoad {
  readonly model: ModelKey;
  readonly units: SizeUnits;
  readonly loadMs: DurationMs;
  /** What copies can fill in this instance. */
  readonly effectiveUnits: SizeUnits;
}

/** Why a copy stands where it does in the order, for explanations. */
export type RankReason =
  /** By its last use alone. */
  | { readonly policy: 'lru' }
  /** `score` = log2(`uses` × `loadMs` ÷ units) − `turnoversIdle` ÷ the half-life of a use; the lowest goes first. */
  | {
      readonly policy: 'cost-aware';
      readonly score: number;
      /** Uses until the last one, older ones counting less. */
      readonly uses: number;
      /** How often loads filled the whole cache since it was last used. */
      readonly turnoversIdle: number;
      /** What loading it again would take; an average while it was never loaded here. */
      readonly loadMs: number;
    };

/**
 * An order of victims: what goes first when room has to be made. The machine keeps the copies in a heap by rank, and asks again for
 * those that it meets at the top, so that the choice is exact although nobody tells it of each use. What pins, waits for a call or has
 * just begun to serve is spared by the machine, whatever the order says.
 *
 * Laws that each adapter keeps: asking for a rank changes nothing; the rank of a copy never falls by being used or observed, only by
 * `loaded` or another size, after which the machine asks again.
 */
export interface CachePolicy {
  readonly name: CachePolicyName;
  /** True where the rank is the last use and nothing else, so that the first in the order is the one idle for longest. */
  readonly isByLastUse: boolean;
  /** Smaller goes first. */
  rankOf(copy: RankedCopy): number;
  /** The machine looked at the copy in a step: what it was used since the last look may be noted. */
  observe(copy: RankedCopy): void;
  loaded(load: FinishedLoad, nowMs: EpochMs): void;
  /** The model has no copy any more; {@link observe} was called before. */
  left(model: ModelKey): void;
  explain(copy: RankedCopy): RankReason;
}
