/** Decisions of the cache as data, so that "why was my model evicted" has an answer. */

import type { DurationMs, EpochMs, ModelKey, SizeUnits } from '../units.ts';
import type { CacheRefusal } from './outcome.ts';
import type { RankReason } from './policy/index.ts';

/** A copy that could be pushed out. */
export interface Candidate {
  readonly model: ModelKey;
  readonly units: SizeUnits;
  readonly lastUsedMs: EpochMs;
  readonly idleForMs: DurationMs;
  /** True for a copy that somebody waits for: taken only when nothing else is left. */
  readonly awaited: boolean;
  /** Why it stands where it does in the order of victims. */
  readonly rank: RankReason;
}

/** Why room was made. */
export type EvictionCause = 'new-copy' | 'others-drain' | 'larger-than-booked' | 'capacity-shrank';

/** What was decided. `number` grows by one; `atMs` is wall time. */
export type CacheDecision = { readonly number: number; readonly atMs: EpochMs; readonly model: ModelKey } & (
  | {
      readonly kind: 'evict';
      readonly cause: EvictionCause;
      /** Units that had to come free. */
      readonly neededUnits: SizeUnits;
      /** In the order of the policy; without the last one it would not have been enough. */
      readonly victims: readonly Candidate[];
      /** Who would have been next. */
      readonly spared: Candidate | null;
      readonly pinnedUnits: SizeUnits;
    }
  | { readonly kind: 'refuse'; readonly refusal: CacheRefusal; readonly because: string }
  /** Not booked yet: everything that could go is awaited by calls itself. */
  | { readonly kind: 'hold'; readonly neededUnits: SizeUnits; readonly awaitedCopies: number }
  /** Measured above its booking, and nothing could be pushed out for it. */
  | { readonly kind: 'overdraft'; readonly overdraftUnits: SizeUnits; readonly pinnedUnits: SizeUnits }
  | { readonly kind: 'recycle'; readonly because: string }
);

type Body<Decision> = Decision extends CacheDecision ? Omit<Decision, 'number' | 'atMs'> : never;
/** A decision before it has a number. */
export type DecisionBody = Body<CacheDecision>;

/** The last decisions, oldest overwritten first. */
export class DecisionRing {
  readonly #max: number;
  readonly #ring: CacheDecision[] = [];
  #made = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** The number that the next decision will carry. */
  get nextNumber(): number {
    return this.#made;
  }

  add(atMs: EpochMs, body: DecisionBody): CacheDecision {
    const decision = { ...body, number: this.#made, atMs } as CacheDecision;
    this.#ring[this.#made % this.#max] = decision;
    this.#made += 1;
    return decision;
  }

  /** Oldest first. */
  list(): readonly CacheDecision[] {
    const start = this.#ring.length < this.#max ? 0 : this.#made % this.#max;
    return [...this.#ring.slice(start), ...this.#ring.slice(0, start)];
  }
}
