/** When a load failure stops to count, spec §4.4.10 and §2.8. */

import { type DurationMs, durationMs, type EpochMs, type InstanceId } from '../units.ts';
import { IN_USE_MS } from './config.ts';

/** A failure as it stands in a model's record. */
export interface LoadFailure {
  readonly instance: InstanceId;
  readonly atMs: EpochMs;
  readonly message: string;
}

/** Failures on this many instances stop further tries (spec §2.8). */
export const LOAD_FAILURES_MAX = 3;

/** How long a failure counts: half as long for a model that is in use, because somebody is waiting for it. */
export function failureLifetimeMs(expiryMs: DurationMs, lastUsedMs: EpochMs, nowMs: EpochMs): DurationMs {
  return nowMs - lastUsedMs <= IN_USE_MS ? durationMs(expiryMs / 2) : expiryMs;
}

/** True once the failure no longer counts; the instance that failed then removes it from the record. */
export function failureExpired(failedAtMs: EpochMs, lastUsedMs: EpochMs, nowMs: EpochMs, expiryMs: DurationMs): boolean {
  return nowMs - failedAtMs >= failureLifetimeMs(expiryMs, lastUsedMs, nowMs);
}

/**
 * The failure that ends a request without another try, or null: {@link LOAD_FAILURES_MAX} or more that are younger than half the
 * expiry; the latest one's message is told.
 */
export function failureGate(failures: Iterable<LoadFailure>, nowMs: EpochMs, expiryMs: DurationMs): LoadFailure | null {
  let counting = 0;
  let latest: LoadFailure | null = null;
  for (const failure of failures) {
    if (nowMs - failure.atMs >= expiryMs / 2) continue;
    counting += 1;
    if (latest === null || failure.atMs > latest.atMs) latest = failure;
  }
  return counting >= LOAD_FAILURES_MAX ? latest : null;
}
