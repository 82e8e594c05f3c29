/** What happens to the cache: each is given to `Cache.step` as it occurs, with the instant. */

import type { Bytes, DurationMs, EpochMs, ModelKey, SizeUnits } from '../units.ts';
import type { CopyId, Slot } from './copy-state.ts';

/** What a model's manifest says about its copies. */
export interface CopyPolicy {
  /** Never a victim. */
  readonly pinned: boolean;
  /** Unloaded after this long without use, unless pinned; null: never for that reason. */
  readonly idleAfterMs: DurationMs | null;
}

/** Why somebody wants a model: a call waits for it, or it is only to be ready (spec §4.4.3). */
export type Urgency = 'call' | 'background';

/** A call, or an ensureLoaded, wants the model here. Joins a copy that exists; otherwise starts one. */
export interface RequestEvent {
  readonly kind: 'request';
  readonly model: ModelKey;
  /** What stands behind the key: another text once the key was registered anew. A copy of what it was before is no copy of the model. */
  readonly artifact: string;
  readonly urgency: Urgency;
  /** When it was last used elsewhere; 0 means now. A stamp of the future counts as now. */
  readonly lastUsedMs: EpochMs;
  /** Size that another copy of the same model was measured at; wins over every guess. */
  readonly knownUnits: SizeUnits | null;
  /** The manifest's hint. */
  readonly declaredUnits: SizeUnits | null;
  readonly policy: CopyPolicy;
  /**
   * Only into memory that is free: refused where anything would have to go, and the copy counts as used long ago, so that it is the first to go
   * itself. Holds until somebody else wants the copy too.
   */
  readonly onlyFreeRoom?: boolean;
}

/** The runtime can be used. A second one without `runtime-lost` between means that its models are gone as well. */
export interface RuntimeReadyEvent {
  readonly kind: 'runtime-ready';
  readonly capacityUnits: SizeUnits;
  readonly loadingConcurrency: number;
  readonly loadTimeoutMs: DurationMs;
  readonly defaultSizeUnits: SizeUnits;
}

/** The union of all events. Answers about a copy carry its `copy`; those of a copy that is gone are ignored. */
export type CacheEvent =
  | RequestEvent
  /** Everybody who waited for this model left; the load goes on, but is an ordinary victim again. */
  | { readonly kind: 'waiters-gone'; readonly model: ModelKey }
  /** Answer to `predict-size`; null: the runtime cannot tell. */
  | { readonly kind: 'predicted'; readonly model: ModelKey; readonly copy: CopyId; readonly predicted: Bytes | null }
  /** Answer to `claim`: the registry names this copy. */
  | { readonly kind: 'claimed'; readonly model: ModelKey; readonly copy: CopyId }
  /** Answer to `claim`: somebody else was first, the model is gone, or the registry is away. */
  | { readonly kind: 'claim-lost'; readonly model: ModelKey; readonly copy: CopyId; readonly message: string }
  /** The runtime really began (after its own queue and the download); the load timeout runs from here. */
  | { readonly kind: 'load-started'; readonly model: ModelKey; readonly copy: CopyId }
  /** Loaded; null: the size is to be asked for. */
  | { readonly kind: 'load-succeeded'; readonly model: ModelKey; readonly copy: CopyId; readonly measured: Bytes | null }
  | { readonly kind: 'load-failed'; readonly model: ModelKey; readonly copy: CopyId; readonly message: string }
  /** Answer to `size-model`; null: it failed, the prediction is kept. */
  | { readonly kind: 'sized'; readonly model: ModelKey; readonly copy: CopyId; readonly measured: Bytes | null }
  /** Used at this instant (touch rule: the later of both stamps). */
  | { readonly kind: 'used'; readonly model: ModelKey; readonly atMs: EpochMs }
  /** The model's record changed. What stands behind the key may be another artifact by now: a copy of the old one leaves. */
  | { readonly kind: 'described'; readonly model: ModelKey; readonly artifact: string; readonly policy: CopyPolicy }
  /** Unregistered, or unloaded by a person: the copy leaves, the failure is forgotten. */
  | { readonly kind: 'remove'; readonly model: ModelKey }
  /** Nothing is in flight any more on a slot that drains or was lost. */
  | { readonly kind: 'in-flight-zero'; readonly slot: Slot }
  /** NOT_FOUND counts as success (spec §4.4.8). */
  | { readonly kind: 'unload-succeeded'; readonly model: ModelKey; readonly copy: CopyId }
  | { readonly kind: 'unload-failed'; readonly model: ModelKey; readonly copy: CopyId; readonly message: string }
  | { readonly kind: 'timer'; readonly timer: number }
  | RuntimeReadyEvent
  /** All copies are gone with the runtime; loads that were wanted are queued again. */
  | { readonly kind: 'runtime-lost' }
  /** Measured use of one copy, and the highest seen. */
  | { readonly kind: 'measured'; readonly model: ModelKey; readonly copy: CopyId; readonly current: Bytes; readonly peak: Bytes }
  /** Private bytes of the whole runtime at a quiet point, and of the same runtime when it was empty. */
  | { readonly kind: 'runtime-measured'; readonly total: Bytes; readonly empty: Bytes }
  /** The model's files are new: failures and remembered sizes no longer hold. */
  | { readonly kind: 'artifact-changed'; readonly model: ModelKey }
  /** Drain every copy and start the runtime anew. */
  | { readonly kind: 'recycle'; readonly reason: string }
  /** The instance shuts down: no new loads; queued ones are given up. */
  | { readonly kind: 'stop' };
