/** The bounds and times of scaling: each named, each with the spec's default (`modelmesh.md` §4.7, §4.8, §4.17). */

import { assert } from '../assert.ts';
import { type DurationMs, durationMs } from '../units.ts';

/** What an operator may set. */
export interface ScalingConfig {
  /** Calls a minute that one copy is meant to take; more ask for another copy. */
  readonly callsPerMinuteMax: number;
  /** Time between two steps; a step that comes before {@link CHECK_SHARE_MIN} of it has passed does nothing. */
  readonly checkMs: DurationMs;
  /** In latency mode: the share of a copy's concurrency, in per cent, at which another copy is wanted. */
  readonly concurrencyPercent: number;
  /** Calls that wait longer than this at a copy, in the mean of a window, ask for another copy; null: waiting asks for none. */
  readonly meanQueueMaxMs: DurationMs | null;
  /** Calls in flight at one copy, of which the concurrency is not known, that ask for another copy at once; null: never at once. */
  readonly hotCallsPerCopyMax: number | null;
  /** A use now and one between these ages make a model one that is used regularly. */
  readonly secondCopyMinAgeMs: DurationMs;
  readonly secondCopyMaxAgeMs: DurationMs;
  /** Copies that one instance may have asked for, for load, and that do not serve yet. */
  readonly scaleUpsInFlightMax: number;
}

/** The least that {@link ScalingConfig.callsPerMinuteMax} may be (spec §4.17). */
export const CALLS_PER_MINUTE_BOUND_MIN = 10;
/** The range of {@link ScalingConfig.concurrencyPercent} (spec §4.1). */
export const CONCURRENCY_PERCENT_RANGE = { min: 10, max: 200 } as const;
/** A step before this share of the interval has passed is skipped (spec §4.7). */
export const CHECK_SHARE_MIN = 0.6;

/** The spec's defaults; the bounds on waiting and on calls in flight are ours. */
export const DEFAULT_SCALING_CONFIG: ScalingConfig = Object.freeze({
  callsPerMinuteMax: 2000,
  checkMs: durationMs(10_000),
  concurrencyPercent: 90,
  meanQueueMaxMs: durationMs(100),
  hotCallsPerCopyMax: 16,
  secondCopyMinAgeMs: durationMs(420_000),
  secondCopyMaxAgeMs: durationMs(2_400_000),
  scaleUpsInFlightMax: 16,
});

/** The same configuration, frozen. @throws {Bug} if a bound is out of its range: what a user wrote was checked before. */
export function checkScalingConfig(config: ScalingConfig): ScalingConfig {
  const { min, max } = CONCURRENCY_PERCENT_RANGE;
  assert(config.callsPerMinuteMax >= CALLS_PER_MINUTE_BOUND_MIN, `callsPerMinuteMax ${config.callsPerMinuteMax} is too small`);
  assert(config.concurrencyPercent >= min && config.concurrencyPercent <= max, 'concurrencyPercent is out of range');
  assert(config.checkMs > 0, 'checkMs must be positive');
  assert(
    config.secondCopyMinAgeMs > 0 && config.secondCopyMinAgeMs < config.secondCopyMaxAgeMs,
    'second copy ages are out of order',
  );
  assert(config.scaleUpsInFlightMax > 0, 'scaleUpsInFlightMax must be positive');
  assert(config.meanQueueMaxMs === null || config.meanQueueMaxMs > 0, 'meanQueueMaxMs must be positive');
  assert(config.hotCallsPerCopyMax === null || config.hotCallsPerCopyMax > 0, 'hotCallsPerCopyMax must be positive');
  return Object.freeze({ ...config });
}
