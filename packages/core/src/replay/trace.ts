/** Who was called when, and what each model weighs: all that a replay needs to know. */

import type { Bytes, DurationMs, ModelKey } from '../units.ts';

/** A model of a trace. */
export interface TraceModel {
  readonly key: ModelKey;
  /** Memory that a copy takes. */
  readonly bytes: Bytes;
  /** What a cold call waits for when nothing is in the way. */
  readonly loadMs: DurationMs;
}

/** The cache that a trace is meant for; a replay may be given another. */
export interface TraceCache {
  readonly capacity: Bytes;
  readonly loadingConcurrency: number;
  readonly unloadMs: DurationMs;
}

/** Calls in the order of time. Columns instead of objects: a day of calls is some hundred thousand of them. */
export interface Trace {
  readonly cache: TraceCache;
  readonly models: readonly TraceModel[];
  /** Milliseconds since the start of the trace, never falling. */
  readonly atMs: Float64Array;
  /** The model of each call, as its index in `models`. */
  readonly called: Uint32Array;
}

/** Calls of one trace; beyond it a trace is refused, since it is held whole. */
export const TRACE_CALLS_MAX = 10_000_000;
/** Models of one trace. */
export const TRACE_MODELS_MAX = 1_000_000;

/** Memory of all models of a trace together. */
export const totalBytes = (models: readonly TraceModel[]): number => models.reduce((sum, { bytes }) => sum + bytes, 0);
