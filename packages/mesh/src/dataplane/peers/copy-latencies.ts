import type { Clock, DurationMs, ModelKey } from '@modelmesh/core';
import { knownLatencyMs, type SmoothedLatency, smoothLatency } from '@modelmesh/core/routing';

/** Models whose latency in one place is remembered; beyond, the one that was measured first is forgotten. */
export const LATENCIES_MAX = 4096;

/** How long calls of models took in one place lately. */
export class CopyLatencies {
  readonly #clock: Clock;
  readonly #known = new Map<ModelKey, SmoothedLatency>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A call took so long. */
  took(model: ModelKey, tookMs: DurationMs): void {
    const before = this.#known.get(model);
    this.#known.set(model, smoothLatency(before, tookMs, this.#clock.monotonicMs()));
    if (before !== undefined || this.#known.size <= LATENCIES_MAX) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      return;
    }
  }

  /** Smoothed; `null`: not known. */
  of(model: ModelKey): DurationMs | null {
    return knownLatencyMs(this.#known.get(model), this.#clock.monotonicMs());
  }
}
