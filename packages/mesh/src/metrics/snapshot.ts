import { type MetricObjectWithValues, type MetricValue, Registry } from 'prom-client';

/** One sample: what it is of, and its value. */
interface Sample {
  /** Of a histogram the part of it; else the metric's name. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string | number | undefined>>;
  readonly value: number;
}

/** One metric with all its samples. */
interface MetricSnapshot {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

/** What was measured up to a moment, as it crosses threads. */
export type MetricsSnapshot = readonly MetricSnapshot[];

/** A sample as the registry tells it: histograms name their parts, and keep the labels that all samples of a series share aside. */
type ToldSample = MetricValue<string> & { readonly metricName?: string; readonly sharedLabels?: Sample['labels'] };

/** What a registry holds now. */
export async function snapshotOf(registry: Registry): Promise<MetricsSnapshot> {
  const told = await registry.getMetricsAsJSON();
  return told.map(({ name, help, type, values }) => ({
    name,
    help,
    type: String(type),
    samples: values.map((sample: ToldSample) => ({
      name: sample.metricName ?? name,
      labels: { ...sample.sharedLabels, ...sample.labels },
      value: sample.value,
    })),
  }));
}

/** Several snapshots as one: samples with the same labels are summed, the others stand beside each other. */
export function sumOf(snapshots: readonly MetricsSnapshot[]): MetricsSnapshot {
  const metrics = new Map<string, { metric: MetricSnapshot; samples: Map<string, Sample> }>();
  for (const metric of snapshots.flat()) {
    let known = metrics.get(metric.name);
    if (known === undefined) {
      known = { metric, samples: new Map() };
      metrics.set(metric.name, known);
    }
    for (const sample of metric.samples) {
      const key = keyOf(sample);
      const before = known.samples.get(key);
      known.samples.set(key, before === undefined ? sample : { ...sample, value: before.value + sample.value });
    }
  }
  return [...metrics.values()].map(({ metric, samples }) => ({ ...metric, samples: [...samples.values()] }));
}

/** The order of labels says nothing. */
function keyOf({ name, labels }: Sample): string {
  const sorted = Object.keys(labels).sort();
  return `${name}\n${sorted.map((label) => `${label}=${labels[label]}`).join('\n')}`;
}

/** What stays of a worker that is gone: what it counted. */
export const countedIn = (snapshot: MetricsSnapshot): MetricsSnapshot => snapshot.filter(({ type }) => type !== 'gauge');

/** A registry that shows a snapshot. */
export function registryOf(snapshot: MetricsSnapshot): Registry {
  const registry = new Registry();
  for (const { name, help, type, samples } of snapshot) {
    const values = samples.map(({ name: metricName, labels, value }) => ({ metricName, labels, value }));
    const told = { name, help, type, values };
    const shown = { ...told, get: () => Promise.resolve(told) };
    // The registry asks its metrics for nothing else.
    registry.registerMetric(shown as unknown as Parameters<Registry['registerMetric']>[0] & MetricObjectWithValues<ToldSample>);
  }
  return registry;
}
