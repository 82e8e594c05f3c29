/** How long models of a type take to load (spec `modelmesh.md` §4.4.9): when a copy is settled, and what a cold start costs. */

import { type DurationMs, durationMs } from '../units.ts';

/** The wait before anything was measured: a third of the load timeout, at least three seconds (spec §4.1). */
export const assumeLoadedAfterDefault = (loadTimeoutMs: DurationMs): DurationMs => durationMs(Math.max(3000, loadTimeoutMs / 3));

/** Types that are remembered; beyond, the one that was measured least recently is forgotten. */
export const LOAD_TIME_TYPES_MAX = 1024;
/** Up to so many samples five deviations are added to the mean, later three. */
const FEW_SAMPLES = 20;
const DEVIATIONS = { few: 5, many: 3 } as const;
/** The first samples move the value towards their mean, one by one. */
const FIRST_SAMPLES = 3;
/** After them it is computed anew with every so many samples. */
const RENEWED_EVERY = 4;

interface Stats {
  samples: number;
  meanMs: number;
  /** Sum of squared differences from the mean (Welford). */
  squares: number;
  assumedMs: number;
}

/** The load times of each type of model. */
export class LoadTimes {
  readonly #defaultMs: DurationMs;
  readonly #types = new Map<string, Stats>();

  constructor(loadTimeoutMs: DurationMs) {
    this.#defaultMs = assumeLoadedAfterDefault(loadTimeoutMs);
  }

  /** A load of this type took so long. */
  add(type: string, tookMs: DurationMs): void {
    const stats = this.#types.get(type) ?? { samples: 0, meanMs: 0, squares: 0, assumedMs: this.#defaultMs };
    stats.samples += 1;
    const off = tookMs - stats.meanMs;
    stats.meanMs += off / stats.samples;
    stats.squares += off * (tookMs - stats.meanMs);
    if (stats.samples <= FIRST_SAMPLES) stats.assumedMs = (2 * stats.assumedMs + stats.meanMs) / 3;
    else if (stats.samples % RENEWED_EVERY === 0) stats.assumedMs = stats.meanMs + deviationsOf(stats) * deviation(stats);
    this.#types.delete(type);
    this.#types.set(type, stats);
    if (this.#types.size > LOAD_TIME_TYPES_MAX) this.#forgetOldest();
  }

  /** A copy whose load started longer ago than this is taken to serve. */
  assumeLoadedAfterMs(type: string): DurationMs {
    return durationMs(this.#types.get(type)?.assumedMs ?? this.#defaultMs);
  }

  /** The mean time of a load; before any was measured what is assumed. */
  expectedMs(type: string): DurationMs {
    return durationMs(this.#types.get(type)?.meanMs ?? this.#defaultMs);
  }

  /** The mean over all loads of the types that are remembered; before any was measured what is assumed. */
  typicalMs(): DurationMs {
    let samples = 0;
    let sumMs = 0;
    for (const stats of this.#types.values()) {
      samples += stats.samples;
      sumMs += stats.samples * stats.meanMs;
    }
    return durationMs(samples === 0 ? this.#defaultMs : sumMs / samples);
  }

  #forgetOldest(): void {
    for (const type of this.#types.keys()) {
      this.#types.delete(type);
      return;
    }
  }
}

const deviationsOf = ({ samples }: Stats): number => (samples <= FEW_SAMPLES ? DEVIATIONS.few : DEVIATIONS.many);
const deviation = ({ samples, squares }: Stats): number => Math.sqrt(squares / samples);
