/** The life of one copy: a model that is loaded, loading or leaving in this instance. */

import type { Brand, DurationMs, EpochMs, ModelKey, MonotonicMs, SizeUnits } from '../units.ts';
import type { WakeOutcome } from './outcome.ts';

/** One attempt to hold a model; never used twice, so that a late answer is told from a fresh one. */
export type CopyId = Brand<number, 'CopyId'>;

/** A place in the shared counters: `generation` grows with every reuse of `index` (design, *ControlLink*). */
export interface Slot {
  readonly index: number;
  readonly generation: number;
}

/** Why a copy leaves. */
export type LeaveReason =
  | 'evicted'
  | 'removed'
  | 'idle'
  | 'load-failed'
  | 'load-timeout'
  | 'claim-lost'
  | 'too-large'
  | 'recycle';

/**
 * Where a copy stands. The first six are on the way in, `sizing` and `active` serve, `failed` remembers, the last four are on the way
 * out: they no longer serve and are reported beside a newer copy of the same model that may already be queued.
 * Instants are of the monotonic clock, except where a stamp is compared with records.
 */
export type CopyState =
  /** The runtime was asked how large the model will be; nothing is booked yet. */
  | { readonly kind: 'predicting'; readonly sinceMs: MonotonicMs }
  /** Waits for its turn, and before that for the runtime or until the previous copy is gone; nothing is booked yet. */
  | { readonly kind: 'queued'; readonly sinceMs: MonotonicMs }
  /** Booked and next to load, its victims are still unloading (spec §4.3, at most three minutes). */
  | { readonly kind: 'waiting-for-space'; readonly sinceMs: MonotonicMs }
  /** Given to the runtime; `startedMs` is null until the runtime really began, and only then does the load timeout run. */
  | { readonly kind: 'loading'; readonly slot: Slot; readonly sinceMs: MonotonicMs; readonly startedMs: MonotonicMs | null }
  /** Loaded, but the registry has not yet confirmed the claim: not served. */
  | { readonly kind: 'claiming'; readonly slot: Slot; readonly sinceMs: MonotonicMs; readonly sized: boolean }
  /** Serving while the runtime is asked for the true size. */
  | { readonly kind: 'sizing'; readonly slot: Slot; readonly sinceMs: MonotonicMs }
  | { readonly kind: 'active'; readonly slot: Slot; readonly sinceMs: MonotonicMs }
  /** Weighs one unit; answers every request with the same outcome until it expires (spec §4.4.10). */
  | { readonly kind: 'failed'; readonly failedAtMs: EpochMs; readonly outcome: WakeOutcome }
  /** Out of service; unloads when nothing is in flight or the grace passed. */
  | { readonly kind: 'draining'; readonly slot: Slot; readonly sinceMs: MonotonicMs; readonly reason: LeaveReason }
  /** Its load failed or was called off; the unload that must follow waits for `unloadInMs` or for the load to end. */
  | { readonly kind: 'settling'; readonly sinceMs: MonotonicMs; readonly unloadInMs: DurationMs; readonly reason: LeaveReason }
  | { readonly kind: 'unloading'; readonly sinceMs: MonotonicMs; readonly attempt: number; readonly reason: LeaveReason }
  /** The last unload failed; the memory stays booked until one succeeds or all attempts are used up. */
  | { readonly kind: 'unload-retry'; readonly sinceMs: MonotonicMs; readonly attempt: number; readonly reason: LeaveReason };

/** A copy as seen from outside. */
export interface CopyView {
  readonly model: ModelKey;
  readonly copy: CopyId;
  readonly state: CopyState;
  /** What is booked for it, now. */
  readonly units: SizeUnits;
  /** When it was last wanted, read at this instant. */
  readonly lastUsedMs: EpochMs;
  readonly pinned: boolean;
  /** Calls wait for it, or have just begun to use it: not an ordinary victim. */
  readonly awaited: boolean;
}
