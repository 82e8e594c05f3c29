/** How much a copy is loaded: one number, whichever measure it comes from, so that every rule speaks of the same thing. */

import type { ScalingConfig } from './config.ts';
import type { CopyUse } from './copy-use.ts';

/** What was measured: calls a minute, calls a minute against what its concurrency can take, or the time that calls wait. */
export type LoadMeasure = 'rate' | 'latency' | 'queue-time';

/** A copy's load: `value` of `bound`. At a `ratio` of 1 another copy is wanted. */
export interface CopyLoad {
  readonly measure: LoadMeasure;
  /** Calls a minute, or milliseconds of waiting. */
  readonly value: number;
  /** In the unit of `value`; infinite where calls take no time that can be measured. */
  readonly bound: number;
  readonly ratio: number;
  /** Copies that this load would fill beside the one it is measured at; 0 below a ratio of 1. */
  readonly copiesWanted: number;
}

/** Above this ratio a copy is used heavily, which is remembered (spec §4.7.1). */
export const HEAVY_RATIO = 0.75;
/** A mean over fewer calls than this says nothing (spec §4.8). */
export const SAMPLES_TO_JUDGE_MIN = 8;
/** A mean waiting time over fewer calls than this says nothing. */
const QUEUED_CALLS_MIN = SAMPLES_TO_JUDGE_MIN;

/**
 * Calls a minute that a copy can take (spec §4.8): what its concurrency allows at the mean time of a call, or where the runtime does not
 * limit it (`maxConcurrency` null) or too few calls were seen the bound that is set.
 */
export function callsPerMinuteBound(
  { samples }: Pick<CopyUse, 'samples'>,
  maxConcurrency: number | null,
  config: Pick<ScalingConfig, 'callsPerMinuteMax' | 'concurrencyPercent'>,
): number {
  if (maxConcurrency === null || samples.calls < SAMPLES_TO_JUDGE_MIN) return config.callsPerMinuteMax;
  if (samples.processingMs <= 0) return Number.POSITIVE_INFINITY;
  const meanMs = samples.processingMs / samples.calls;
  return ((config.concurrencyPercent / 100) * maxConcurrency * 60_000) / meanMs;
}

/** The greatest of a copy's loads. `maxConcurrency`: calls that the runtime runs at a time, where it limits them; else null. */
export function copyLoad(use: CopyUse, maxConcurrency: number | null, config: ScalingConfig): CopyLoad {
  const rate = rateLoad(use, maxConcurrency, config);
  const waiting = queueLoad(use, config);
  return waiting !== null && waiting.ratio > rate.ratio ? waiting : rate;
}

function rateLoad(use: CopyUse, maxConcurrency: number | null, config: ScalingConfig): CopyLoad {
  const bound = callsPerMinuteBound(use, maxConcurrency, config);
  const value = use.window.callsPerMinute;
  const ratio = value / bound;
  return { measure: maxConcurrency === null ? 'rate' : 'latency', value, bound, ratio, copiesWanted: Math.floor(ratio) };
}

/** Calls that wait q and run for p keep q/p copies busy that are not there. */
function queueLoad({ window }: CopyUse, { meanQueueMaxMs }: ScalingConfig): CopyLoad | null {
  if (meanQueueMaxMs === null || window.calls < QUEUED_CALLS_MIN) return null;
  const value = window.queuedMs / window.calls;
  const ratio = value / meanQueueMaxMs;
  const missing = window.processingMs > 0 ? window.queuedMs / window.processingMs : ratio;
  const copiesWanted = ratio < 1 ? 0 : Math.max(1, Math.floor(Math.min(ratio, missing)));
  return { measure: 'queue-time', value, bound: meanQueueMaxMs, ratio, copiesWanted };
}

/** A load in words. */
export function loadText({ measure, value, bound }: CopyLoad): string {
  switch (measure) {
    case 'rate':
      return `${Math.round(value)} calls a minute, ${Math.round(bound)} are meant for a copy`;
    case 'latency':
      return `${Math.round(value)} calls a minute, ${Math.round(bound)} fit its concurrency`;
    case 'queue-time':
      return `calls wait ${Math.round(value)} ms at it, at most ${Math.round(bound)} ms are wanted`;
  }
}
