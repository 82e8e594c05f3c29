import type { EpochMs } from '../../units.ts';

/** The clock is read in steps of this many turnovers, so that the few instants of the steps tell the time of any use. */
const STEP_TURNOVERS = 1 / 8;
/** Steps that are remembered: 64 turnovers. Earlier uses count as of the oldest. */
export const STEPS_MAX = 512;

/**
 * Time as a cache feels it: one turnover passes when loads have filled it once. Under pressure uses are soon old, at rest they stay young,
 * and the same numbers fit a cache that turns over in a minute and one that does in a week.
 */
export class TurnoverClock {
  #turnovers = 0;
  #step = 0;
  readonly #startedMs: number[] = [Number.NEGATIVE_INFINITY];
  readonly #at: number[] = [0];

  /** Turnovers so far. */
  get now(): number {
    return this.#turnovers;
  }

  /** A load filled this share of the cache. */
  advance(share: number, nowMs: EpochMs): void {
    this.#turnovers += share;
    const step = Math.floor(this.#turnovers / STEP_TURNOVERS);
    if (step === this.#step) return;
    this.#step = step;
    this.#startedMs.push(nowMs);
    this.#at.push(step * STEP_TURNOVERS);
    if (this.#at.length <= STEPS_MAX) return;
    this.#startedMs.shift();
    this.#at.shift();
  }

  /** Turnovers that had passed at an instant, to a step. Never falls with time, and never for an instant when it is asked again later. */
  at(instantMs: EpochMs): number {
    let [low, high] = [0, this.#at.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#startedMs[middle] ?? Number.POSITIVE_INFINITY) <= instantMs) low = middle;
      else high = middle - 1;
    }
    return this.#at[low] ?? 0;
  }
}
