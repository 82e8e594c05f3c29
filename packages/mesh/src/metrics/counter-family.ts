import type { Metric } from 'prom-client';
import type { SeriesLabels } from './histogram.ts';

/** One series of a counter. */
export interface CounterSeries {
  readonly labels: SeriesLabels;
  value: number;
}

/** A counter whose series are found once and kept by who counts, as those of `HistogramFamily`. */
export class CounterFamily {
  readonly name: string;
  readonly help: string;
  readonly #series = new Set<CounterSeries>();

  constructor(name: string, help: string) {
    this.name = name;
    this.help = help;
  }

  /** A new series: nobody asks twice for the same labels. */
  of(labels: SeriesLabels): CounterSeries {
    const series = { labels, value: 0 };
    this.#series.add(series);
    return series;
  }

  /** The series is shown no more. */
  remove(series: CounterSeries): void {
    this.#series.delete(series);
  }

  /** As the registry takes it, which asks a metric for no more than its name and {@link get}. */
  asMetric(): Metric {
    return this as unknown as Metric;
  }

  /** What the page shows. */
  get(): Promise<{
    readonly name: string;
    readonly help: string;
    readonly type: 'counter';
    readonly values: readonly { readonly labels: SeriesLabels; readonly value: number }[];
  }> {
    const values = [...this.#series].map(({ labels, value }) => ({ labels: { ...labels }, value }));
    return Promise.resolve({ name: this.name, help: this.help, type: 'counter', values });
  }
}
