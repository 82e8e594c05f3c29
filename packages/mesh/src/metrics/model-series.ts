import type { Clock, MonotonicMs } from '@modelmesh/core';
import { OTHER } from './method-labels.ts';

/** A model without calls for this long makes room for another one. */
export const MODEL_IDLE_MS = 600_000;
/** Idle models are looked for this often at most: it costs a look at all of them. */
const LOOK_EVERY_MS = 1000;

/** Values of the labels `modelId` and `vModelId`. */
export interface ModelLabels {
  readonly modelId: string;
  readonly vModelId: string;
}

interface Tracked<Series> {
  readonly labels: ModelLabels;
  readonly series: Series;
  lastUsedMs: MonotonicMs;
}

/**
 * The series of the models in use: at most `max` pairs of model and endpoint have their own, all others share one. A pair that nobody
 * called for {@link MODEL_IDLE_MS} gives its place to the next one.
 */
export class ModelSeries<Series> {
  readonly #max: number;
  readonly #clock: Clock;
  readonly #make: (labels: ModelLabels) => Series;
  readonly #drop: (series: Series, labels: ModelLabels) => void;
  readonly #byModel = new Map<string, Map<string, Tracked<Series>>>();
  #size = 0;
  #lookFromMs: number = Number.NEGATIVE_INFINITY;
  #other: Series | undefined;

  constructor(options: {
    readonly max: number;
    readonly clock: Clock;
    readonly make: (labels: ModelLabels) => Series;
    readonly drop: (series: Series, labels: ModelLabels) => void;
  }) {
    this.#max = options.max;
    this.#clock = options.clock;
    this.#make = options.make;
    this.#drop = options.drop;
  }

  /** The series of this pair, or those of all others. */
  of(modelId: string, vModelId: string): Series {
    const now = this.#clock.monotonicMs();
    const known = this.#byModel.get(modelId)?.get(vModelId);
    if (known !== undefined) {
      known.lastUsedMs = now;
      return known.series;
    }
    if (this.#size >= this.#max) this.#dropIdle(now);
    if (this.#size >= this.#max) {
      this.#other ??= this.#make({ modelId: OTHER, vModelId: '' });
      return this.#other;
    }
    const labels = { modelId, vModelId };
    const tracked: Tracked<Series> = { labels, series: this.#make(labels), lastUsedMs: now };
    const endpoints = this.#byModel.get(modelId) ?? new Map<string, Tracked<Series>>();
    this.#byModel.set(modelId, endpoints.set(vModelId, tracked));
    this.#size += 1;
    return tracked.series;
  }

  #dropIdle(now: MonotonicMs): void {
    if (now < this.#lookFromMs) return;
    this.#lookFromMs = now + LOOK_EVERY_MS;
    for (const [modelId, endpoints] of this.#byModel) {
      for (const [vModelId, tracked] of endpoints) {
        if (now - tracked.lastUsedMs < MODEL_IDLE_MS) continue;
        endpoints.delete(vModelId);
        this.#size -= 1;
        this.#drop(tracked.series, tracked.labels);
      }
      if (endpoints.size === 0) this.#byModel.delete(modelId);
    }
  }
}
