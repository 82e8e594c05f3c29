import { SeriesFamily, type SeriesLabels } from './series-family.ts';

/** One series of a histogram: how many values lay in each bucket, and their sum. */
export class HistogramSeries {
  readonly labels: SeriesLabels;
  /** Values of each bucket alone, those above all bounds last. */
  readonly counts: Float64Array;
  sum = 0;
  readonly #bounds: readonly number[];

  constructor(labels: SeriesLabels, bounds: readonly number[]) {
    this.labels = labels;
    this.#bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** Takes one value. */
  observe(value: number): void {
    const bounds = this.#bounds;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.sum += value;
  }

  /** Takes all values of a series with the same bounds. */
  add({ counts, sum }: HistogramSeries): void {
    for (const [bucket, count] of counts.entries()) this.counts[bucket] = (this.counts[bucket] ?? 0) + count;
    this.sum += sum;
  }
}

/** A line of the page, as the registry of `prom-client` writes it; labels that all lines of a series share are written once for all. */
interface Sample {
  readonly metricName: string;
  readonly labels: SeriesLabels;
  readonly sharedLabels: SeriesLabels;
  readonly value: number;
}

/**
 * A histogram whose series are found once and kept by who measures: a value costs a few comparisons and no allocation, where to find the
 * series by its labels each time costs more than a tenth of a call.
 */
export class HistogramFamily extends SeriesFamily<HistogramSeries> {
  readonly #bounds: readonly number[];

  /** @param options.labelled without labels there is one series, which is shown from the start */
  constructor(options: {
    readonly name: string;
    readonly help: string;
    readonly bounds: readonly number[];
    readonly labelled: boolean;
  }) {
    super(options);
    this.#bounds = options.bounds;
    if (!options.labelled) this.#add({});
  }

  /** The series without labels, or a new one: nobody asks twice for the same labels. */
  of(labels: SeriesLabels): HistogramSeries {
    const [only] = this.series;
    return only !== undefined && Object.keys(labels).length === 0 ? only : this.#add(labels);
  }

  #add(labels: SeriesLabels): HistogramSeries {
    const series = new HistogramSeries(labels, this.#bounds);
    this.series.add(series);
    return series;
  }

  /** Buckets that count all values up to their bound, as Prometheus has them. */
  override get(): Promise<{
    readonly name: string;
    readonly help: string;
    readonly type: 'histogram';
    readonly values: readonly Sample[];
  }> {
    const values: Sample[] = [];
    for (const series of this.series) this.#show(series, values);
    return Promise.resolve({ name: this.name, help: this.help, type: 'histogram', values });
  }

  #show({ labels: sharedLabels, counts, sum }: HistogramSeries, values: Sample[]): void {
    let count = 0;
    for (const [bucket, bound] of [...this.#bounds, '+Inf'].entries()) {
      count += counts[bucket] ?? 0;
      values.push({ metricName: `${this.name}_bucket`, labels: { le: String(bound) }, sharedLabels, value: count });
    }
    values.push({ metricName: `${this.name}_sum`, labels: {}, sharedLabels, value: sum });
    values.push({ metricName: `${this.name}_count`, labels: {}, sharedLabels, value: count });
  }
}
