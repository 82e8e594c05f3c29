import { type Clock, type DurationMs, durationMs, type ModelKey, type Timer } from '@modelmesh/core';
import type { CacheMetric } from '@modelmesh/core/cache';
import { GRPC_CODE, grpcCodeName, grpcCodeOf } from '@modelmesh/wire/status';
import type { StatsDConfig } from '../config/index.ts';
import type { CallFacts } from '../dataplane/index.ts';
import { type Figures, modelMeshGauges } from './gauges.ts';
import { MethodLabels } from './method-labels.ts';
import { CACHE_MISS_FROM_MS, CACHE_TIMES, type Measurements } from './metrics.ts';
import { LEGACY_NAMES, LEGACY_PREFIX, legacyValue, STATSD_SUFFIX, type StatsDCounter, type StatsDName } from './statsd-names.ts';
import { type Packets, StatsDSender, udpPackets } from './statsd-sender.ts';

/** How often gauges are sent. */
export const GAUGES_EVERY_MS = durationMs(10_000);

/** What was counted beside the time that was measured. */
const COUNTERS: Partial<Readonly<Record<CacheMetric['name'], StatsDCounter>>> = {
  'load-time': 'modelmesh_loadmodel',
  'unload-time': 'modelmesh_unloadmodel',
  'age-at-eviction': 'modelmesh_model_evicted',
};

const FAILURES = {
  'load-failure': 'modelmesh_loadmodel_failure',
  'unload-failure': 'modelmesh_unloadmodel_failure',
  'unload-attempt-failure': 'modelmesh_unloadmodel_attempt_failure',
} as const;

/** The names of one call's metrics. */
interface CallNames {
  readonly time: StatsDName;
  readonly count: StatsDName;
}
const API: CallNames = { time: 'modelmesh_api_request_milliseconds', count: 'modelmesh_api_request' };
const INVOKE: CallNames = { time: 'modelmesh_invoke_model_milliseconds', count: 'modelmesh_invoke_model' };

/**
 * Measurements as StatsD (spec `modelmesh.md` §6.5): ModelMesh's names with tags in the name as Sysdig has them
 * (`name_statsd#method=predict,code=OK:12|ms`), or its older names (`model-mesh.api-predict.OK:1|c`). Times are whole milliseconds, and of calls
 * those that succeeded.
 */
export class StatsDMetrics implements Measurements {
  readonly #legacy: boolean;
  readonly #methods: MethodLabels;
  readonly #sender: StatsDSender;
  readonly #clock: Clock;
  #figures: (() => Figures) | null = null;
  #timer: Timer;

  constructor(config: Pick<StatsDConfig, 'legacy'> & { readonly fullMethodNames: boolean }, clock: Clock, packets: Packets) {
    this.#legacy = config.legacy;
    this.#methods = new MethodLabels(config.fullMethodNames);
    this.#sender = new StatsDSender(packets, clock);
    this.#clock = clock;
    this.#timer = clock.after(GAUGES_EVERY_MS, () => this.#sendGauges());
  }

  call({ method, code, durationMs: tookMs, requestBytes, responseBytes }: CallFacts): void {
    const [label, name] = [this.#label(method), codeName(code)];
    this.#called(API, label, name, tookMs);
    this.#sized('modelmesh_request_size_bytes', label, name, requestBytes);
    // A call that failed before its first message has no answer to measure.
    if (code === GRPC_CODE.OK || responseBytes > 0) this.#sized('modelmesh_response_size_bytes', label, name, responseBytes);
  }

  attempt(method: string, code: number, tookMs: DurationMs): void {
    this.#called(INVOKE, this.#label(method), codeName(code), tookMs);
  }

  cacheMiss(waitedMs: DurationMs): void {
    if (waitedMs <= CACHE_MISS_FROM_MS) return;
    this.#time('modelmesh_cache_miss_milliseconds', waitedMs);
    this.#count('modelmesh_cache_miss');
  }

  queued(waitedMs: DurationMs): void {
    this.#time('modelmesh_req_queue_delay_milliseconds', waitedMs);
  }

  cacheMetric(_model: ModelKey, metric: CacheMetric): void {
    switch (metric.name) {
      case 'load-failure':
      case 'unload-failure':
      case 'unload-attempt-failure':
        this.#count(FAILURES[metric.name]);
        return;
      case 'loaded-size':
        this.#time('modelmesh_loaded_model_size_bytes', metric.size);
        return;
      default: {
        this.#time(CACHE_TIMES[metric.name], metric.durationMs);
        const counter = COUNTERS[metric.name];
        if (counter !== undefined) this.#count(counter);
      }
    }
  }

  /** Where gauges are read. */
  readFrom(figures: () => Figures): void {
    this.#figures = figures;
  }

  close(): void {
    this.#timer.cancel();
    this.#sender.close();
  }

  #sendGauges(): void {
    this.#timer = this.#clock.after(GAUGES_EVERY_MS, () => this.#sendGauges());
    const figures = this.#figures?.();
    if (figures === undefined) return;
    for (const [name, value] of modelMeshGauges(figures, this.#clock.wallMs())) {
      if (value !== null) this.#sender.send(`${this.#name(name)}:${this.#legacy ? legacyValue(name, value) : value}|g`);
    }
  }

  #called({ time, count }: CallNames, label: string, code: string, tookMs: number): void {
    const ms = Math.floor(tookMs);
    if (this.#legacy) {
      if (code === 'OK') this.#sender.send(`${this.#name(time)}${label}:${ms}|ms`);
      this.#sender.send(`${this.#name(count)}${label}.${code}:1|c`);
      return;
    }
    if (code === 'OK') this.#sender.send(`${this.#name(time)}${tags(label, code)}:${ms}|ms`);
    this.#sender.send(`${this.#name(count)}${tags(label, code)}:1|c`);
  }

  #sized(name: StatsDName, label: string, code: string, byteCount: number): void {
    const who = this.#legacy ? `${label}.${code}` : tags(label, code);
    this.#sender.send(`${this.#name(name)}${who}:${byteCount}|ms`);
  }

  #time(name: StatsDName, value: number): void {
    this.#sender.send(`${this.#name(name)}:${Math.floor(value)}|ms`);
  }

  #count(name: StatsDName): void {
    this.#sender.send(`${this.#name(name)}:1|c`);
  }

  #name(name: StatsDName): string {
    return this.#legacy ? `${LEGACY_PREFIX}${LEGACY_NAMES[name]}` : `${name}${STATSD_SUFFIX}`;
  }

  /** Callers choose the names of methods: what means something to StatsD is taken out of them. */
  #label(method: string): string {
    return this.#methods
      .of(method)
      .replaceAll('/', '.')
      .replace(/[^A-Za-z0-9_.-]/g, '_');
  }
}

const tags = (label: string, code: string): string => `#method=${label},code=${code}`;

const codeName = (code: number): string => grpcCodeName(grpcCodeOf(code));

/** StatsD to the agent that is configured. */
export const createStatsD = (config: StatsDConfig & { readonly fullMethodNames: boolean }, clock: Clock): StatsDMetrics =>
  new StatsDMetrics(config, clock, udpPackets(config.host, config.port));
