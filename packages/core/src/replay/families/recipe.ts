import type { SeededRandom } from '../../seeded-random.ts';
import { bytes, durationMs } from '../../units.ts';
import type { Trace, TraceCache, TraceModel } from '../trace.ts';
import { totalBytes } from '../trace.ts';

/** What a trace by chance is made from. */
export interface Recipe {
  readonly seed: number;
  /** About as many calls as this. */
  readonly calls: number;
  /** Models at a time. */
  readonly models: number;
  /** Room for this share of the memory that the models take which are called at a time, in (0, 1]. */
  readonly roomShare: number;
}

/** A day of calls at three hundred models with room for a fifth of them. */
export const DEFAULT_RECIPE: Recipe = Object.freeze({ seed: 1, calls: 60_000, models: 300, roomShare: 0.2 });

/** Makes one kind of trace; `random` is the only source of chance, with a stream for each purpose. */
export type Family = (recipe: Recipe, random: SeededRandom) => Trace;

/** How long every family lasts. */
export const DAY_MS = 86_400_000;

/** A cache with room for a share of these models, four loads at a time. */
export function roomFor(models: readonly TraceModel[], share: number): TraceCache {
  return { capacity: bytes(Math.round(totalBytes(models) * share)), loadingConcurrency: 4, unloadMs: durationMs(50) };
}
