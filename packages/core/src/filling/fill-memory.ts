/** What was loaded without a call of late: it is not loaded again unless it was used since, however often it is evicted. */

import { type DurationMs, durationMs, type EpochMs, epochMs, type ModelKey } from '../units.ts';
import type { FillReason } from './candidate.ts';

/** After a load that nobody waited for the model rests for so long; twice as long after each further one … */
export const FILL_REST_MS: DurationMs = durationMs(600_000);
/** … at most so long. */
export const FILL_REST_MAX_MS: DurationMs = durationMs(6 * 3_600_000);
/** Models that are remembered; beyond, the one that was loaded longest ago is forgotten. */
export const FILLED_MODELS_MAX = 65_536;

interface Filled {
  readonly atMs: EpochMs;
  readonly untilMs: EpochMs;
  readonly times: number;
}

/** Remembers plans, bounded. */
export class FillMemory {
  readonly #filled = new Map<ModelKey, Filled>();

  /** A load of this model was planned. */
  planned(model: ModelKey, nowMs: EpochMs): void {
    const times = (this.#filled.get(model)?.times ?? 0) + 1;
    const restMs = Math.min(FILL_REST_MAX_MS, FILL_REST_MS * 2 ** (times - 1));
    this.#filled.delete(model);
    this.#filled.set(model, { atMs: nowMs, untilMs: epochMs(nowMs + restMs), times });
    if (this.#filled.size <= FILLED_MODELS_MAX) return;
    for (const oldest of this.#filled.keys()) {
      this.#filled.delete(oldest);
      return;
    }
  }

  /**
   * Whether the model is left alone. A use since it was planned ends the rest of a first copy: it would save a cold start after all. Further
   * copies are proposed because of uses, so uses do not end theirs.
   */
  isResting(model: ModelKey, reason: FillReason, lastUsedMs: number, nowMs: EpochMs): boolean {
    const filled = this.#filled.get(model);
    if (filled === undefined || nowMs >= filled.untilMs) return false;
    return reason !== 'first-copy' || lastUsedMs <= filled.atMs;
  }

  /** Models remembered. */
  get size(): number {
    return this.#filled.size;
  }
}
