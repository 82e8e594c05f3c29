/** What the shell has to do: the answer of `Cache.step`, performed in the order given. */

import type { Bytes, DurationMs, EpochMs, ModelKey, SizeUnits } from '../units.ts';
import type { CopyId, LeaveReason, Slot } from './copy-state.ts';
import type { CacheDecision } from './decision.ts';
import type { WakeOutcome } from './outcome.ts';

/** What a timer is for; told for logs only. */
export type TimerPurpose =
  | 'predict'
  | 'drain-patience'
  | 'space'
  | 'load-timeout'
  | 'first-use'
  | 'idle'
  | 'failure-expiry'
  | 'drain-grace'
  | 'unload-delay'
  | 'unload-retry';

/** Facts for the metrics of spec §6.5; the shell knows the names. */
export type CacheMetric =
  | { readonly name: 'loading-queue-delay'; readonly durationMs: DurationMs }
  | { readonly name: 'load-time'; readonly durationMs: DurationMs }
  | { readonly name: 'unload-time'; readonly durationMs: DurationMs }
  | { readonly name: 'sizing-time'; readonly durationMs: DurationMs }
  | { readonly name: 'age-at-eviction'; readonly durationMs: DurationMs }
  | { readonly name: 'loaded-size'; readonly size: Bytes }
  | { readonly name: 'load-failure' }
  | { readonly name: 'unload-attempt-failure' }
  | { readonly name: 'unload-failure' };

/** The closed union of effects. */
export type CacheEffect =
  /** Ask the runtime; answer with `predicted` (at once with null where the runtime has no such call). */
  | { readonly kind: 'predict-size'; readonly model: ModelKey; readonly copy: CopyId }
  /** Write this instance into the model's record, stamped `sinceMs`, and remove its own failure; answer with `claimed` or `claim-lost`. */
  | {
      readonly kind: 'claim';
      readonly model: ModelKey;
      readonly copy: CopyId;
      readonly sinceMs: EpochMs;
      readonly units: SizeUnits;
    }
  /** Take this instance out of the model's record. Follows the `claim` of the same copy, whose answer no longer matters. */
  | { readonly kind: 'withdraw-claim'; readonly model: ModelKey; readonly copy: CopyId }
  /** Write the failure into the model's record; replaces the claim of the same instance. */
  | { readonly kind: 'record-failure'; readonly model: ModelKey; readonly atMs: EpochMs; readonly message: string }
  | { readonly kind: 'clear-failure'; readonly model: ModelKey }
  /** Answer with `load-started` when it really began, then `load-succeeded` or `load-failed`. */
  | {
      readonly kind: 'start-load';
      readonly model: ModelKey;
      readonly copy: CopyId;
      readonly slot: Slot;
      readonly units: SizeUnits;
    }
  /** Call the load off; `load-failed` may follow. */
  | { readonly kind: 'cancel-load'; readonly model: ModelKey; readonly copy: CopyId }
  /** Answer with `sized`. */
  | { readonly kind: 'size-model'; readonly model: ModelKey; readonly copy: CopyId }
  /** The copy may be routed to: mark the slot serving and publish the route. */
  | { readonly kind: 'serving'; readonly model: ModelKey; readonly copy: CopyId; readonly slot: Slot }
  /** Mark the slot draining, withdraw the route, and report `in-flight-zero` once the sum is zero, even after the grace. */
  | {
      readonly kind: 'begin-draining';
      readonly model: ModelKey;
      readonly copy: CopyId;
      readonly slot: Slot;
      readonly graceMs: DurationMs;
    }
  /** The copy is gone with its runtime: withdraw the route at once, report `in-flight-zero` of the slot when it is so. */
  | { readonly kind: 'copy-lost'; readonly model: ModelKey; readonly copy: CopyId; readonly slot: Slot }
  /** Answer with `unload-succeeded` or `unload-failed`. */
  | { readonly kind: 'start-unload'; readonly model: ModelKey; readonly copy: CopyId; readonly attempt: number }
  /** Ends the wait of everybody who asked for this model since the last one. */
  | { readonly kind: 'wake-waiters'; readonly model: ModelKey; readonly outcome: WakeOutcome }
  /** A copy was pushed out; the decision that explains it follows in its own effect with the number `decision`. */
  | {
      readonly kind: 'evicted';
      readonly model: ModelKey;
      readonly copy: CopyId;
      readonly units: SizeUnits;
      readonly idleForMs: DurationMs;
      readonly decision: number;
    }
  /** The copy has left the runtime for good and its memory is credited, or written off when the unload was given up. */
  | {
      readonly kind: 'gone';
      readonly model: ModelKey;
      readonly copy: CopyId;
      readonly reason: LeaveReason;
      readonly credited: boolean;
    }
  /** Send a `timer` event with this number after `delayMs`. */
  | { readonly kind: 'set-timer'; readonly timer: number; readonly delayMs: DurationMs; readonly purpose: TimerPurpose }
  | { readonly kind: 'cancel-timer'; readonly timer: number }
  /** Nothing serves any more: end the runtime and start it again (`runtime-lost`, later `runtime-ready`). */
  | { readonly kind: 'recycle-runtime'; readonly reason: string }
  | { readonly kind: 'decided'; readonly decision: CacheDecision }
  | { readonly kind: 'metric'; readonly model: ModelKey; readonly metric: CacheMetric };
