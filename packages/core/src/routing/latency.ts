/** How long calls take somewhere, smoothed: the newest call counts for a fifth, and what was measured long ago counts for nothing. */

import { type DurationMs, durationMs, type MonotonicMs } from '../units.ts';

/** A smoothed time; immutable. */
export interface SmoothedLatency {
  readonly ms: DurationMs;
  /** When it was measured last. */
  readonly atMs: MonotonicMs;
}

/** Weight of the newest call. */
export const LATENCY_WEIGHT = 0.2;
/** A copy that nobody called for this long is tried again as if nothing were known: a slow one may have recovered. */
export const LATENCY_KEPT_MS = durationMs(10_000);

/** Takes one more call into account. */
export function smoothLatency(before: SmoothedLatency | undefined, tookMs: DurationMs, nowMs: MonotonicMs): SmoothedLatency {
  const known = knownLatencyMs(before, nowMs);
  return { ms: known === null ? tookMs : durationMs(known + LATENCY_WEIGHT * (tookMs - known)), atMs: nowMs };
}

/** What is known now; `null`: nothing that still counts. */
export function knownLatencyMs(latency: SmoothedLatency | undefined, nowMs: MonotonicMs): DurationMs | null {
  return latency === undefined || nowMs - latency.atMs > LATENCY_KEPT_MS ? null : latency.ms;
}
