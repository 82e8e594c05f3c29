import { SeriesFamily, type SeriesLabels } from './series-family.ts';

/** One series of a counter. */
export interface CounterSeries {
  readonly labels: SeriesLabels;
  value: number;
}

/** A counter whose series are found once and kept by who counts, as those of `HistogramFamily`. */
export class CounterFamily extends SeriesFamily<CounterSeries> {
  constructor(name: string, help: string) {
    super({ name, help });
  }

  /** A new series: nobody asks twice for the same labels. */
  of(labels: SeriesLabels): CounterSeries {
    const series = { labels, value: 0 };
    this.series.add(series);
    return series;
  }

  override get(): Promise<{
    readonly name: string;
    readonly help: string;
    readonly type: 'counter';
    readonly values: readonly { readonly labels: SeriesLabels; readonly value: number }[];
  }> {
    const values = [...this.series].map(({ labels, value }) => ({ labels: { ...labels }, value }));
    return Promise.resolve({ name: this.name, help: this.help, type: 'counter', values });
  }
}
