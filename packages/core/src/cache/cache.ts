/** The public face of the machine. */

import type { Bytes, EpochMs, ModelKey, MonotonicMs, SizeUnits } from '../units.ts';
import type { CopyView, Slot } from './copy-state.ts';
import type { CacheDecision } from './decision.ts';
import type { CacheEffect } from './effect.ts';
import type { CacheEvent } from './event.ts';

/** An instant on both clocks: the monotonic one for lengths of time, the wall for last use and stamps in records. */
export interface CacheInstant {
  readonly monotonicMs: MonotonicMs;
  readonly wallMs: EpochMs;
}

/**
 * How a serving copy is used, as the data plane counts it; 0 if it was not used under this generation of the slot. Read while victims are
 * chosen, so that the choice is exact; must not call back into the cache.
 */
export interface CopyUses {
  lastUsedMs(slot: Slot): EpochMs;
  /** Calls that have entered the copy. */
  calls(slot: Slot): number;
}

/** Everything that is known about the size of one model here, in the order in which it is learned; null: not known. */
export interface ModelSizes {
  /** What its owner declared. */
  readonly declaredUnits: SizeUnits | null;
  /** What the runtime said before the load. */
  readonly predicted: Bytes | null;
  /** What its last load here took. */
  readonly measuredUnits: SizeUnits | null;
  /** The highest that was seen while it served; it stays until the files change. */
  readonly highWaterUnits: SizeUnits | null;
  /** What is booked for its copy now. */
  readonly bookedUnits: SizeUnits | null;
}

/** Where the runtime stands, seen from the cache. */
export type RuntimePhase = 'absent' | 'ready' | 'recycling';

/** The numbers of one instance: what is published in its record and shown as metrics. */
export interface CacheSummary {
  readonly phase: RuntimePhase;
  /** What the runtime gave, minus what unloads that were given up have cost. */
  readonly capacityUnits: SizeUnits;
  /** Capacity minus the unload reserve: what copies can fill. */
  readonly effectiveUnits: SizeUnits;
  /** Copies that are loaded, loading or wanted, without those that leave. */
  readonly usedUnits: SizeUnits;
  /** Everything that may be resident: loaded, loading, and leaving until the unload completed. Never above capacity, see the laws. */
  readonly bookedUnits: SizeUnits;
  /** The part of the booking that measurements added while the cache was full. */
  readonly overdraftUnits: SizeUnits;
  readonly lostUnits: SizeUnits;
  readonly pinnedUnits: SizeUnits;
  /** Copies and failures, without those that leave. */
  readonly copies: number;
  readonly leaving: number;
  /** Loads that wait or run. */
  readonly loadsQueued: number;
  readonly loadsRunning: number;
  /** Last use of the copy that would go first; null when there is none. */
  readonly oldestUseMs: EpochMs | null;
}

/**
 * The cache of one instance. A deterministic, synchronous machine: equal configurations and equal lists of events, instants and last
 * uses give equal effects. It performs nothing itself.
 */
export interface Cache {
  /** Takes one event; the effects are to be performed in their order before the next event is given. */
  step(event: CacheEvent, now: CacheInstant): readonly CacheEffect[];
  /** The copy of this model, one that leaves only if there is no other. */
  copy(model: ModelKey): CopyView | null;
  /** All copies, leaving ones included, in no particular order. */
  copies(): IterableIterator<CopyView>;
  summary(): CacheSummary;
  /** The last decisions, oldest first. */
  decisions(): readonly CacheDecision[];
  /** What is known of its size; declared and predicted only while it has a copy that is wanted. */
  sizes(model: ModelKey): ModelSizes;
  /** The size that would be booked for this model now, if anything is known about it. */
  rememberedSize(model: ModelKey): Bytes | null;
}
