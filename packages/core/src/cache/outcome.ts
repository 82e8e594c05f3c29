/** What a caller that waits for a model is told, and why a model was not taken in. */

import { assertNever } from '../assert.ts';
import { MeshError } from '../errors.ts';
import { bytesForUnits, type DurationMs, type EpochMs, type ModelKey, type SizeUnits } from '../units.ts';
import type { Slot } from './copy-state.ts';
import type { CachePolicyName } from './policy/index.ts';

/** Why the cache does not take a model; every variant names the numbers that decided. */
export type CacheRefusal =
  /** Larger than everything that could ever be free. */
  | { readonly kind: 'too-large'; readonly neededUnits: SizeUnits; readonly effectiveUnits: SizeUnits }
  /** It would have to evict something that was used more recently than itself (spec §4.2.1, fall-through). */
  | { readonly kind: 'least-recent'; readonly lastUsedMs: EpochMs; readonly oldestMs: EpochMs }
  /** It would have to evict something that the order of victims puts above itself. */
  | { readonly kind: 'outranked'; readonly policy: CachePolicyName }
  /** What would have to go is pinned. */
  | {
      readonly kind: 'all-pinned';
      readonly neededUnits: SizeUnits;
      readonly pinnedUnits: SizeUnits;
      readonly effectiveUnits: SizeUnits;
    }
  /** The cache is full of copies younger than the churn age (spec §2.8). */
  | { readonly kind: 'churn'; readonly idleForMs: DurationMs; readonly minChurnAgeMs: DurationMs }
  /** It was wanted only where it pushes nothing out. */
  | { readonly kind: 'no-free-room'; readonly neededUnits: SizeUnits }
  /** The load queue holds `loadQueueMax` models. */
  | { readonly kind: 'queue-full'; readonly loadQueueMax: number }
  /** The instance is shutting down. */
  | { readonly kind: 'stopping' };

/** The end of a wait. Every `request` event gets exactly one, in the same step or a later one. */
export type WakeOutcome =
  | { readonly kind: 'serving'; readonly slot: Slot }
  | { readonly kind: 'load-failed'; readonly message: string; readonly failedAtMs: EpochMs; readonly timedOut: boolean }
  | { readonly kind: 'refused'; readonly refusal: CacheRefusal }
  /** Unregistered, or unloaded by a person, while it was loading. */
  | { readonly kind: 'removed' }
  /** Pushed out before it was loaded; trying again is sound. */
  | { readonly kind: 'evicted' }
  /** The registry gave the model to somebody else or did not answer; route again. */
  | { readonly kind: 'claim-lost'; readonly message: string }
  /** Space did not come free in time (spec §4.3). */
  | { readonly kind: 'no-space'; readonly waitedMs: DurationMs };

const mib = (units: SizeUnits): string => `${(bytesForUnits(units) / 2 ** 20).toFixed(1)} MiB`;

/** The sentence of a refusal, for people; also written to the registry where a refusal counts as a load failure. */
export function refusalText(refusal: CacheRefusal): string {
  switch (refusal.kind) {
    case 'too-large':
      return `needs ${mib(refusal.neededUnits)}, this instance can hold at most ${mib(refusal.effectiveUnits)}`;
    case 'least-recent':
      return 'no room: everything in the cache was used more recently than this model';
    case 'outranked':
      return `no room: the policy ${refusal.policy} puts everything in the cache above this model`;
    case 'all-pinned':
      return `needs ${mib(refusal.neededUnits)}, but ${mib(refusal.pinnedUnits)} of ${mib(refusal.effectiveUnits)} are pinned`;
    case 'churn':
      return `cache churn threshold exceeded: the oldest model was used ${refusal.idleForMs} ms ago, less than ${refusal.minChurnAgeMs} ms`;
    case 'no-free-room':
      return `needs ${mib(refusal.neededUnits)} that are free: it is wanted for shadows alone, for which no other model goes`;
    case 'queue-full':
      return `${refusal.loadQueueMax} models are waiting to be loaded already`;
    case 'stopping':
      return 'this instance is shutting down';
    default:
      return assertNever(refusal);
  }
}

/** The error that a caller sees for an outcome that is not `serving`. */
export function outcomeError(model: ModelKey, outcome: Exclude<WakeOutcome, { readonly kind: 'serving' }>): MeshError {
  switch (outcome.kind) {
    case 'load-failed':
      return new MeshError('load-failed', outcome.message);
    case 'refused': {
      const busy = outcome.refusal.kind === 'queue-full';
      const kind = busy ? 'overloaded' : outcome.refusal.kind === 'stopping' ? 'unavailable' : 'no-capacity';
      return new MeshError(kind, `model ${model}: ${refusalText(outcome.refusal)}`);
    }
    case 'removed':
      return new MeshError('model-not-found', `model ${model} was removed while it was loading`);
    case 'evicted':
      return new MeshError('no-capacity', `model ${model} was evicted before it was loaded`);
    case 'claim-lost':
      return new MeshError('unavailable', `model ${model}: ${outcome.message}`);
    case 'no-space':
      return new MeshError('no-capacity', `model ${model}: no space came free within ${outcome.waitedMs} ms`);
    default:
      return assertNever(outcome);
  }
}
