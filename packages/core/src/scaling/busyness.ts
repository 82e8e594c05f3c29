/** How busy this instance is, as it publishes it (spec `modelmesh.md` §3.2 `rpm`, §4.17 "busyness window"). */

import { type DurationMs, durationMs, type MonotonicMs } from '../units.ts';

/** What is counted: calls, or in latency mode the time in the runtime. */
export type BusynessUnit = 'calls' | 'processing-ms';

/** Time between two samples. */
export const BUSYNESS_SAMPLE_MS: DurationMs = durationMs(60_000);
/** The window is at least this long and at most one sample longer: six to seven minutes. */
export const BUSYNESS_WINDOW_MS: DurationMs = durationMs(360_000);
/** Samples that are kept however often they are taken. */
export const BUSYNESS_SAMPLES_MAX = 35;

interface Sample {
  readonly atMs: MonotonicMs;
  readonly total: number;
}

/** A rate over the last minutes, from totals that only grow. */
export class Busyness {
  readonly #unit: BusynessUnit;
  readonly #samples: Sample[];
  #latest: Sample;

  constructor(unit: BusynessUnit, now: MonotonicMs) {
    this.#unit = unit;
    this.#latest = { atMs: now, total: 0 };
    this.#samples = [this.#latest];
  }

  /** Takes the total since the start of the instance; may be called as often as one likes. */
  observe(total: number, now: MonotonicMs): void {
    this.#latest = { atMs: now, total };
    const newest = this.#samples.at(-1);
    if (newest === undefined || now - newest.atMs >= BUSYNESS_SAMPLE_MS) this.#samples.push(this.#latest);
    while (this.#samples.length > BUSYNESS_SAMPLES_MAX || this.#secondIsOldEnough(now)) this.#samples.shift();
  }

  /**
   * Calls a minute, or processing time in 0.1 % (1000: one call runs all the time); a whole number. 0 until something was observed.
   */
  value(): number {
    const oldest = this.#samples[0] ?? this.#latest;
    const elapsedMs = this.#latest.atMs - oldest.atMs;
    if (elapsedMs <= 0) return 0;
    const done = this.#latest.total - oldest.total;
    return Math.round(this.#unit === 'calls' ? (done * 60_000) / elapsedMs : (done * 1000) / elapsedMs);
  }

  #secondIsOldEnough(now: MonotonicMs): boolean {
    const second = this.#samples[1];
    return second !== undefined && now - second.atMs >= BUSYNESS_WINDOW_MS;
  }
}
