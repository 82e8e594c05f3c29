import type { Clock, DurationMs, EndpointId, ModelKey } from '@modelmesh/core';
import type { CacheMetric } from '@modelmesh/core/cache';
import { grpcCodeOf } from '@modelmesh/wire/status';
import { Counter, Gauge, Registry } from 'prom-client';
import type { MetricsConfig } from '../config/index.ts';
import type { AttemptOutcome, CallFacts, CallMetrics, ShadowFacts, VariantSink } from '../dataplane/index.ts';
import { type Histograms, SeriesSet } from './call-series.ts';
import { type MetricEntry, MODELMESH_METRICS, OWN_METRICS } from './catalogue.ts';
import { addGauges, addPortFigures, type Figures, type PortFigures } from './gauges.ts';
import { HistogramFamily } from './histogram.ts';
import { MethodLabels } from './method-labels.ts';
import { ModelSeries } from './model-series.ts';
import { addProcessMetrics } from './process-metrics.ts';
import { renderText } from './render.ts';
import { addShadows } from './shadow-series.ts';
import { type MetricsSnapshot, registryOf, snapshotOf, sumOf } from './snapshot.ts';
import { addVariants } from './variant-series.ts';
import { addEventLoopOf, addWorkers } from './worker-metrics.ts';

/** Waiting for less than this is no cache miss (spec `modelmesh.md` §2.5). */
export const CACHE_MISS_FROM_MS = 10;

/** Takes the measurements of a node. */
export interface Measurements extends CallMetrics {
  /** A fact of the cache. */
  cacheMetric(model: ModelKey, metric: CacheMetric): void;
  /** Where gauges are read; without it they are 0, or not told. */
  readFrom(figures: () => Figures): void;
  close(): void;
}

/** The measurements of a node, and the page that shows them. */
export interface NodeMetrics extends Measurements {
  /** Where the measurements of workers in threads of their own are asked for; each page sums them up. */
  mergeWith(workers: () => Promise<readonly MetricsSnapshot[]>): void;
  /** The page in Prometheus' text format 0.0.4; only what is named, if anything is. */
  render(names: readonly string[]): Promise<string>;
}

/** Makes the metrics of a node, under ModelMesh's names where the meaning is the same. */
export function createMetrics(
  config: Pick<MetricsConfig, 'fullMethodNames' | 'perModel' | 'modelsMax' | 'variantsMax' | 'processMetrics' | 'info'>,
  clock: Clock,
): NodeMetrics {
  return new PrometheusMetrics(config, clock);
}

/** The measurements of one worker of the data plane in a thread of its own, which the node's own take in. */
export interface WorkerMetrics extends Measurements {
  readPortsFrom(figures: () => PortFigures): void;
  snapshot(): Promise<MetricsSnapshot>;
}

/** Makes the metrics of a worker. */
export function createWorkerMetrics(
  worker: number,
  config: Pick<MetricsConfig, 'fullMethodNames' | 'perModel' | 'modelsMax' | 'variantsMax'>,
  clock: Clock,
): WorkerMetrics {
  const registry = new Registry();
  let figures: (() => PortFigures) | null = null;
  addPortFigures(registry, () => figures?.() ?? null);
  const stop = addEventLoopOf(worker, registry);
  const calls = new CallSeries(registry, config, clock);
  return {
    call: (facts) => calls.call(facts),
    attempt: (method, code, tookMs, model) => calls.attempt(method, code, tookMs, model),
    forwarded: (outcome) => calls.forwarded(outcome),
    cacheMiss: (...facts) => calls.cacheMiss(...facts),
    queued: (...facts) => calls.queued(...facts),
    shadow: (facts) => calls.shadow(facts),
    variant: (...names) => calls.variant(...names),
    // The cache is control's.
    cacheMetric: () => {},
    readFrom: () => {},
    readPortsFrom: (read) => {
      figures = read;
    },
    snapshot: () => snapshotOf(registry),
    close: stop,
  };
}

/** Takes what is measured of calls. */
class CallSeries implements CallMetrics {
  readonly #methods: MethodLabels;
  readonly #all: SeriesSet;
  readonly #models: ModelSeries<SeriesSet> | null;
  readonly #forwarded: (outcome: AttemptOutcome) => void;
  readonly #shadow: (facts: ShadowFacts) => void;
  readonly variant: (endpoint: EndpointId, variant: string) => VariantSink;

  constructor(
    registry: Registry,
    config: Pick<MetricsConfig, 'fullMethodNames' | 'perModel' | 'modelsMax' | 'variantsMax'>,
    clock: Clock,
  ) {
    const histograms = addHistograms(registry, config.perModel);
    this.#methods = new MethodLabels(config.fullMethodNames);
    this.#all = new SeriesSet(histograms, null);
    this.#models = config.perModel
      ? new ModelSeries({
          max: config.modelsMax,
          clock,
          make: (labels) => new SeriesSet(histograms, labels),
          drop: (series) => series.remove(),
        })
      : null;
    this.#forwarded = addForwarded(registry);
    this.#shadow = addShadows(registry, clock);
    this.variant = addVariants(registry, config.variantsMax, clock);
  }

  call({ method, code, durationMs, requestBytes, responseBytes, model, endpoint }: CallFacts): void {
    const label = this.#methods.of(method);
    const grpc = grpcCodeOf(code);
    const series = this.#seriesOf(model, endpoint ?? '');
    series.call('modelmesh_api_request_milliseconds', label, grpc, durationMs);
    series.call('modelmesh_request_size_bytes', label, grpc, requestBytes);
    // A call that failed before its first message has no answer to measure.
    if (grpc === 0 || responseBytes > 0) series.call('modelmesh_response_size_bytes', label, grpc, responseBytes);
  }

  attempt(method: string, code: number, durationMs: DurationMs, model: ModelKey): void {
    const series = this.#seriesOf(model, '');
    series.call('modelmesh_invoke_model_milliseconds', this.#methods.of(method), grpcCodeOf(code), durationMs);
  }

  forwarded(outcome: AttemptOutcome): void {
    this.#forwarded(outcome);
  }

  shadow(facts: ShadowFacts): void {
    this.#shadow(facts);
  }

  cacheMiss(waitedMs: DurationMs, model: ModelKey): void {
    if (waitedMs > CACHE_MISS_FROM_MS) this.#seriesOf(model, '').plain('modelmesh_cache_miss_milliseconds', waitedMs);
  }

  queued(waitedMs: DurationMs, model: ModelKey): void {
    this.#seriesOf(model, '').plain('modelmesh_req_queue_delay_milliseconds', waitedMs);
  }

  /** Measures something of a model that is no call. */
  plain(name: keyof Histograms, value: number, model: ModelKey): void {
    this.#seriesOf(model, '').plain(name, value);
  }

  #seriesOf(model: string | null, endpoint: string): SeriesSet {
    return this.#models === null ? this.#all : this.#models.of(model ?? '', endpoint);
  }
}

class PrometheusMetrics implements NodeMetrics {
  readonly #registry = new Registry();
  readonly #calls: CallSeries;
  readonly #counters: Readonly<Record<'load-failure' | 'unload-failure' | 'unload-attempt-failure', Counter>>;
  readonly #stop: () => void;
  #figures: (() => Figures) | null = null;
  #workers: (() => Promise<readonly MetricsSnapshot[]>) | null = null;

  constructor(config: Parameters<typeof createMetrics>[0], clock: Clock) {
    const registry = this.#registry;
    this.#calls = new CallSeries(registry, config, clock);
    this.#counters = {
      'load-failure': addCounter(registry, 'modelmesh_loadmodel_failure'),
      'unload-failure': addCounter(registry, 'modelmesh_unloadmodel_failure'),
      'unload-attempt-failure': addCounter(registry, 'modelmesh_unloadmodel_attempt_failure'),
    };
    addGauges(registry, () => this.#figures?.() ?? null, clock);
    if (config.info !== null) addInfo(registry, config.info);
    this.#stop = config.processMetrics ? addProcessMetrics(registry) : () => {};
  }

  call(facts: CallFacts): void {
    this.#calls.call(facts);
  }

  attempt(method: string, code: number, durationMs: DurationMs, model: ModelKey): void {
    this.#calls.attempt(method, code, durationMs, model);
  }

  forwarded(outcome: AttemptOutcome): void {
    this.#calls.forwarded(outcome);
  }

  shadow(facts: ShadowFacts): void {
    this.#calls.shadow(facts);
  }

  variant(endpoint: EndpointId, variant: string): VariantSink {
    return this.#calls.variant(endpoint, variant);
  }

  cacheMiss(waitedMs: DurationMs, model: ModelKey): void {
    this.#calls.cacheMiss(waitedMs, model);
  }

  queued(waitedMs: DurationMs, model: ModelKey): void {
    this.#calls.queued(waitedMs, model);
  }

  cacheMetric(model: ModelKey, metric: CacheMetric): void {
    switch (metric.name) {
      case 'load-failure':
      case 'unload-failure':
      case 'unload-attempt-failure':
        this.#counters[metric.name].inc();
        return;
      case 'loaded-size':
        this.#calls.plain('modelmesh_loaded_model_size_bytes', metric.size, model);
        return;
      default:
        this.#calls.plain(CACHE_TIMES[metric.name], metric.durationMs, model);
    }
  }

  readFrom(figures: () => Figures): void {
    this.#figures = figures;
  }

  mergeWith(workers: () => Promise<readonly MetricsSnapshot[]>): void {
    this.#workers = workers;
    addWorkers(this.#registry, () => this.#figures?.().workers ?? null);
  }

  async render(names: readonly string[]): Promise<string> {
    if (this.#workers === null) return renderText(this.#registry, names);
    const [own, others] = await Promise.all([snapshotOf(this.#registry), this.#workers()]);
    return renderText(registryOf(sumOf([own, ...others])), names);
  }

  close(): void {
    this.#stop();
  }
}

/** The histogram of each time that the cache measures. */
export const CACHE_TIMES = {
  'loading-queue-delay': 'modelmesh_loading_queue_delay_milliseconds',
  'load-time': 'modelmesh_loadmodel_milliseconds',
  'unload-time': 'modelmesh_unloadmodel_milliseconds',
  'sizing-time': 'modelmesh_model_sizing_milliseconds',
  'age-at-eviction': 'modelmesh_age_at_eviction_milliseconds',
} as const satisfies Readonly<Record<Extract<CacheMetric, { durationMs: DurationMs }>['name'], keyof Histograms>>;

function addHistograms(registry: Registry, perModel: boolean): Histograms {
  const made: Record<string, HistogramFamily> = {};
  for (const [name, { type, help, labels, buckets = [] }] of Object.entries<MetricEntry>(MODELMESH_METRICS)) {
    if (type !== 'histogram') continue;
    const family = new HistogramFamily({ name, help, bounds: buckets, labelled: perModel || labels === 'call' });
    registry.registerMetric(family.asMetric());
    made[name] = family;
  }
  // Every histogram of the table was made in the loop.
  return made as Record<keyof Histograms, HistogramFamily>;
}

function addCounter(registry: Registry, name: keyof typeof MODELMESH_METRICS): Counter {
  return new Counter({ name, help: MODELMESH_METRICS[name].help, registers: [registry] });
}

/** Counts attempts at other nodes. Each series is found once and kept, as those of calls are. */
function addForwarded(registry: Registry): (outcome: AttemptOutcome) => void {
  const { help } = OWN_METRICS.mesh_forwarded_calls_total;
  const counter = new Counter({ name: 'mesh_forwarded_calls_total', help, labelNames: ['outcome'], registers: [registry] });
  const series = new Map<AttemptOutcome, { inc(): void }>();
  return (outcome) => {
    let one = series.get(outcome);
    if (one === undefined) {
      one = counter.labels({ outcome });
      series.set(outcome, one);
    }
    one.inc();
  };
}

function addInfo(registry: Registry, { name, labels }: NonNullable<MetricsConfig['info']>): void {
  const gauge = new Gauge({ name, help: 'Says something by its labels', labelNames: [...labels.keys()], registers: [registry] });
  gauge.set(Object.fromEntries(labels), 1);
}

/** Measurements that all of these take. */
export function allOf(sinks: readonly Measurements[]): Measurements {
  return {
    call: (facts) => {
      for (const sink of sinks) sink.call(facts);
    },
    attempt: (...facts) => {
      for (const sink of sinks) sink.attempt(...facts);
    },
    forwarded: (outcome) => {
      for (const sink of sinks) sink.forwarded?.(outcome);
    },
    queued: (...facts) => {
      for (const sink of sinks) sink.queued?.(...facts);
    },
    shadow: (facts) => {
      for (const sink of sinks) sink.shadow?.(facts);
    },
    variant: (...names) => allOfVariant(sinks.flatMap((sink) => sink.variant?.(...names) ?? [])),
    cacheMiss: (...facts) => {
      for (const sink of sinks) sink.cacheMiss(...facts);
    },
    cacheMetric: (...facts) => {
      for (const sink of sinks) sink.cacheMetric(...facts);
    },
    readFrom: (figures) => {
      for (const sink of sinks) sink.readFrom(figures);
    },
    close: () => {
      for (const sink of sinks) sink.close();
    },
  };
}

function allOfVariant(sinks: readonly VariantSink[]): VariantSink {
  const [only, ...more] = sinks;
  if (only !== undefined && more.length === 0) return only;
  return {
    picked: (reason) => {
      for (const sink of sinks) sink.picked(reason);
    },
    ended: (...facts) => {
      for (const sink of sinks) sink.ended(...facts);
    },
    forget: () => {
      for (const sink of sinks) sink.forget();
    },
  };
}

/** Metrics that nobody reads. */
export const noMetrics: Pick<NodeMetrics, 'call' | 'attempt' | 'cacheMiss' | 'cacheMetric'> = {
  call: () => {},
  attempt: () => {},
  cacheMiss: () => {},
  cacheMetric: () => {},
};

/** Names of all metrics that a node without an info gauge shows. */
export const METRIC_NAMES: readonly string[] = [...Object.keys(MODELMESH_METRICS), ...Object.keys(OWN_METRICS)];
