import type { CachePolicyName } from '../cache/index.ts';
import type { Bytes, DurationMs } from '../units.ts';

/** What became of the calls of one model. */
export interface ModelFigures {
  readonly calls: number;
  readonly hits: number;
  readonly loads: number;
}

/** What one policy made of one trace. */
export interface ReplayFigures {
  readonly policy: CachePolicyName;
  readonly calls: number;
  /** Calls that found a copy that served. */
  readonly hits: number;
  /** Calls that got no copy at all; what is neither hit nor failure waited for a load. */
  readonly failures: number;
  readonly loads: number;
  /** Load time of all loads: what callers as a whole were made to wait for, each load once. */
  readonly coldMs: DurationMs;
  /** What calls waited, each call for itself, queues included. */
  readonly waitedMs: DurationMs;
  readonly evictions: number;
  readonly bytesLoaded: Bytes;
  /** Calls, hits and loads of each model, in the order of the trace. */
  readonly byModel: readonly ModelFigures[];
  /** Load time by time of the trace, in {@link TIMELINE_PARTS} equal parts. */
  readonly coldMsOverTime: readonly number[];
}

/** Parts that a trace is divided into for pictures. */
export const TIMELINE_PARTS = 48;

/** Share of the calls that found a copy; 0 without calls. */
export const hitRate = ({ calls, hits }: ReplayFigures): number => (calls === 0 ? 0 : hits / calls);

/** By how much `other` lowers the cold time of `base`, as a share: negative when it raises it, 0 when there is none. */
export const coldSaved = (base: ReplayFigures, other: ReplayFigures): number =>
  base.coldMs === 0 ? 0 : 1 - other.coldMs / base.coldMs;
