/** The cache's limits and times: each named, each with the spec's default. */

import { assert } from '../assert.ts';
import { bytes, type DurationMs, durationMs, type SizeUnits, sizeUnits, unitsForBytes } from '../units.ts';
import type { CachePolicyName } from './policy/index.ts';

/** Configuration of one instance's cache. Capacity, concurrency and load timeout come from the runtime instead. */
export interface CacheConfig {
  /** The order in which copies go when room has to be made. */
  readonly policy: CachePolicyName;
  /** Copies and remembered failures at the same time; also the number of slots. */
  readonly copiesMax: number;
  /** Models that wait to be loaded, over all runtimes states; beyond: refusal `queue-full`. */
  readonly loadQueueMax: number;
  /** Models whose measured size is remembered after they left. */
  readonly rememberedSizesMax: number;
  /** Decisions kept for `explain`. */
  readonly decisionsMax: number;
  /** Without an answer to `predict-size` in this time the default size is booked (spec §1.3). */
  readonly predictTimeoutMs: DurationMs;
  /** A load that finds no space in this time is given up without a failure (spec §4.3). */
  readonly spaceWaitMs: DurationMs;
  /** After waiting this long for copies that serve their last calls, a load that calls wait for pushes out others in their place, once. */
  readonly drainPatienceMs: DurationMs;
  /** After waiting this long for space, later loads no longer pass in front. */
  readonly spaceBypassMaxMs: DurationMs;
  /** A copy that calls waited for is spared this long after it began to serve, so that they can use it before others push it out. */
  readonly firstUseMs: DurationMs;
  /** A draining copy is unloaded after this time even with calls in flight (spec §4.4.8). */
  readonly drainGraceMs: DurationMs;
  /** A failed load is tried again after this time, after half of it when the model is in use (spec §4.4.10). */
  readonly failureExpiryMs: DurationMs;
  /** The first unload that fails is repeated after `unloadFirstRetryMs`, later ones after `unloadRetryMs`. */
  readonly unloadFirstRetryMs: DurationMs;
  readonly unloadRetryMs: DurationMs;
  /** After this many failed unloads the capacity shrinks until the runtime is recycled. */
  readonly unloadAttemptsMax: number;
  /** A full cache whose oldest copy is younger takes nothing in (spec §2.8); 0 switches the protection off. */
  readonly minChurnAgeMs: DurationMs;
  /** Memory that the runtime holds beyond what is booked, or that unloads never gave back; above it the runtime is recycled. */
  readonly leakMaxUnits: SizeUnits;
  /** Kept free so that a load need not wait for an unload; null: by the formula of spec §4.1, see {@link unloadReserve}. */
  readonly unloadReserveUnits: SizeUnits | null;
}

/** Delays between a copy's end and its unload, spec §4.4.6 and §4.4.8. Serving copies drain instead. */
export const UNLOAD_DELAY_MS = {
  loadFailed: durationMs(1000),
  loadTimedOut: durationMs(3000),
  evictedWhileLoading: durationMs(500),
  removedWhileLoading: durationMs(3000),
} as const;

/** A failed copy weighs this much (spec §4.2.3). */
export const FAILED_UNITS = sizeUnits(1);

/** A model counts as in use if it was used this recently (spec §4.4.10). */
export const IN_USE_MS = durationMs(180_000);

/** Consecutive readings above `leakMaxUnits` before a runtime is recycled: one reading may catch an allocator that is about to trim. */
export const LEAK_READINGS_MIN = 2;

/** The spec's defaults. */
export const DEFAULT_CACHE_CONFIG: CacheConfig = Object.freeze({
  policy: 'lru',
  copiesMax: 16_384,
  loadQueueMax: 4096,
  rememberedSizesMax: 65_536,
  decisionsMax: 1024,
  predictTimeoutMs: durationMs(500),
  spaceWaitMs: durationMs(180_000),
  drainPatienceMs: durationMs(1000),
  spaceBypassMaxMs: durationMs(30_000),
  firstUseMs: durationMs(100),
  drainGraceMs: durationMs(128_000),
  failureExpiryMs: durationMs(900_000),
  unloadFirstRetryMs: durationMs(1000),
  unloadRetryMs: durationMs(10_000),
  unloadAttemptsMax: 90,
  minChurnAgeMs: durationMs(0),
  leakMaxUnits: sizeUnits(32_768),
  unloadReserveUnits: null,
});

/** A small cache keeps this share of itself free, up to {@link SMALL_RESERVE_UNITS_MAX}, however small its models are said to be. */
const SMALL_RESERVE_SHARE = 1 / 25;
const SMALL_RESERVE_UNITS_MAX = unitsForBytes(bytes(64 * 2 ** 20));

/**
 * The part of the capacity kept free so that a load need not wait for the unload of its victim (spec §4.1): 1024 MiB with six loads of
 * 50 MiB at a time keep 75 MiB. The spec's lower bound, a hundredth, is raised where it is below 64 MiB, because the headroom for
 * surprises is taken from it and they do not shrink with the cache.
 */
export function unloadReserve(capacityUnits: SizeUnits, loadingConcurrency: number, defaultSizeUnits: SizeUnits): SizeUnits {
  const wanted = Math.floor((loadingConcurrency * defaultSizeUnits) / (loadingConcurrency <= 2 ? 2 : 4));
  const upper = Math.floor(capacityUnits / 10);
  const small = Math.min(Math.floor(capacityUnits * SMALL_RESERVE_SHARE), SMALL_RESERVE_UNITS_MAX);
  const lower = Math.max(Math.floor(capacityUnits / 100), small);
  return sizeUnits(Math.max(lower, Math.min(wanted, upper)));
}

/**
 * The part of the unload reserve that loads leave free. A load is booked at what was predicted or measured before; when it turns out
 * larger, memory is taken before the copies that it pushes out have given theirs back. With this much free, what is booked stays within
 * the capacity as long as the surprises that are not settled yet stay below it.
 */
export const surpriseHeadroom = (reserveUnits: SizeUnits): SizeUnits => sizeUnits(Math.floor(reserveUnits * HEADROOM_SHARE));
const HEADROOM_SHARE = 0.3;

/** @throws {Bug} if a limit is not positive: limits of zero would refuse everything. */
export function checkCacheConfig(config: CacheConfig): CacheConfig {
  for (const name of ['copiesMax', 'loadQueueMax', 'rememberedSizesMax', 'decisionsMax', 'unloadAttemptsMax'] as const) {
    assert(Number.isSafeInteger(config[name]) && config[name] > 0, `${name} must be a positive integer, got ${config[name]}`);
  }
  return Object.freeze({ ...config });
}
