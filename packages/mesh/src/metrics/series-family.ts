import type { Metric } from 'prom-client';

/** Labels of a series, by name. */
export type SeriesLabels = Readonly<Record<string, string>>;

/** A metric whose series are found once and kept by who measures. Its heirs make series and say what the page shows of them. */
export abstract class SeriesFamily<Series> {
  readonly name: string;
  readonly help: string;
  protected readonly series = new Set<Series>();

  constructor({ name, help }: { readonly name: string; readonly help: string }) {
    this.name = name;
    this.help = help;
  }

  /** The series is shown no more. */
  remove(series: Series): void {
    this.series.delete(series);
  }

  /** As the registry takes it, which asks a metric for no more than its name and {@link get}. */
  asMetric(): Metric {
    return this as unknown as Metric;
  }

  /** What the page shows. */
  abstract get(): Promise<{
    readonly name: string;
    readonly help: string;
    readonly type: string;
    readonly values: readonly object[];
  }>;
}
