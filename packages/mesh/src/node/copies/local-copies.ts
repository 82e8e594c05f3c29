import {
  bytesForUnits,
  type Clock,
  DEFAULT_NAMESPACE,
  type DurationMs,
  type EpochMs,
  epochMs,
  type InstanceId,
  type ModelKey,
  type SizeUnits,
  unitsForBytes,
} from '@modelmesh/core';
import {
  type Cache,
  type CacheConfig,
  type CacheDecision,
  type CacheMetric,
  createCache,
  type Slot,
  type WakeOutcome,
} from '@modelmesh/core/cache';
import { cacheRecord, type DecisionJournal } from '@modelmesh/core/journal';
import { artifactOf, type LoadFailure, type ModelRecord } from '@modelmesh/core/records';
import type { CopyKnowledge } from '@modelmesh/core/registration';
import type { Dirty } from '@modelmesh/core/view';
import type { SlotCounters } from '../../link/index.ts';
import type { Runtime, RuntimeModel, RuntimeState, RuntimeUsage } from '../../runtime/index.ts';
import type { ModelMemory } from '../control.ts';
import type { Events } from '../events.ts';
import type { ReachedLimits } from '../reached-limits.ts';
import type { RegistryClaims, RegistryMirror } from '../registry/index.ts';
import { CacheShell, type CacheShellSink } from './cache-shell.ts';
import { CopyWaits, policyOf, type WaitOutcome } from './copy-waits.ts';
import { FileReleases } from './file-releases.ts';
import type { RoutePublisher } from './route-publisher.ts';

/** Where the cache's measurements go. */
export interface CacheMetrics {
  cacheMetric(model: ModelKey, metric: CacheMetric): void;
}

/**
 * The copies of this instance: the cache, the shell that performs for it, and everyone who waits for a copy.
 */
export class LocalCopies implements CacheShellSink {
  readonly waits: CopyWaits;
  /** The instance that holds them. */
  readonly instance: InstanceId;
  readonly #shell: CacheShell;
  readonly #claims: RegistryClaims;
  readonly #mirror: RegistryMirror;
  readonly #routes: RoutePublisher;
  readonly #events: Events;
  readonly #journal: DecisionJournal;
  readonly #metrics: CacheMetrics;
  readonly #fileReleases: FileReleases;
  /** Of copies whose runtime limits it; never more than copies. */
  readonly #concurrency = new Map<ModelKey, number>();
  #stopped = false;
  /** Called when a copy began or ceased to serve. */
  onChange: () => void = () => {};
  /** A model took so long to load. */
  onLoadTook: (record: ModelRecord, tookMs: DurationMs) => void = () => {};
  /** A copy was pushed out. */
  onPushedOut: (model: ModelKey, units: SizeUnits, idleForMs: DurationMs) => void = () => {};
  /** A load failed. */
  onFailure: (record: ModelRecord) => void = () => {};

  constructor(parts: {
    readonly instance: InstanceId;
    readonly config: CacheConfig;
    readonly runtime: Runtime;
    readonly counters: SlotCounters;
    readonly clock: Clock;
    readonly mirror: RegistryMirror;
    readonly claims: RegistryClaims;
    readonly routes: RoutePublisher;
    readonly events: Events;
    readonly journal: DecisionJournal;
    readonly metrics: CacheMetrics;
    readonly limits: ReachedLimits;
  }) {
    const { counters, clock, runtime, claims } = parts;
    const cache = createCache(parts.config, {
      lastUsedMs: (slot) => counters.lastUse(slot),
      calls: (slot) => counters.calls(slot),
    });
    this.#shell = new CacheShell({ cache, runtime, claims, counters, clock, sink: this });
    this.waits = new CopyWaits({
      step: (event) => this.#shell.step(event),
      recordOf: (model) => parts.mirror.view.model(DEFAULT_NAMESPACE, model)?.record,
      onAnswered: (model) => claims.forgetBeside(model),
      limits: parts.limits,
    });
    this.instance = parts.instance;
    this.#claims = claims;
    this.#mirror = parts.mirror;
    this.#routes = parts.routes;
    this.#events = parts.events;
    this.#journal = parts.journal;
    this.#metrics = parts.metrics;
    this.#fileReleases = new FileReleases({
      isGone: (model) => this.describe(model) === undefined && this.cache.copy(model) === null,
      release: (model) => runtime.releaseFiles(model),
      limits: parts.limits,
    });
  }

  /** The cache, for reading. */
  get cache(): Cache {
    return this.#shell.cache;
  }

  /** The runtime's life, told to the cache. */
  runtimeChanged(state: RuntimeState): void {
    if (state.kind === 'failed') this.waits.close(state.message);
    else if (!this.#stopped) this.waits.open();
    if (state.kind === 'ready') {
      const { capacityBytes, loadingConcurrency, loadTimeoutMs, defaultModelBytes } = state.facts;
      this.#shell.step({
        kind: 'runtime-ready',
        capacityUnits: unitsForBytes(capacityBytes),
        loadingConcurrency,
        loadTimeoutMs,
        defaultSizeUnits: unitsForBytes(defaultModelBytes),
      });
    } else if (this.cache.summary().phase !== 'absent') {
      this.#shell.step({ kind: 'runtime-lost' });
    }
  }

  /** The registry changed: copies of what is not registered any more leave, and those that stay hear their owners' wishes. */
  registryChanged(dirty: Dirty): void {
    for (const { namespace, name } of dirty.models) {
      if (namespace !== DEFAULT_NAMESPACE) continue;
      const record = this.#mirror.view.model(DEFAULT_NAMESPACE, name)?.record;
      const copy = this.cache.copy(name);
      if (record === undefined) {
        if (copy !== null) this.#shell.step({ kind: 'remove', model: name });
        this.#fileReleases.add(name);
        continue;
      }
      if (copy === null) continue;
      this.#shell.step({ kind: 'described', model: name, artifact: artifactOf(record), policy: policyOf(record) });
      // Somebody took our failure out of the record: the artifact was mended, and is worth a new try here too.
      const isForgotten = !record.failures.has(this.instance) && !this.#claims.hasUnsaid(name);
      if (isForgotten && this.failure(name) !== null) this.artifactChanged(name);
    }
  }

  /** The runtime says that it does not have a copy that we route to. Old news about an earlier copy counts for nothing. */
  notInRuntime(model: ModelKey, slot: Slot): void {
    const current = this.#routes.slotOf(model);
    if (current?.index !== slot.index || current.generation !== slot.generation) return;
    this.#events.emit({ kind: 'copy-lost', model, message: 'the runtime does not have the model any more; it is loaded again' });
    this.#shell.step({ kind: 'remove', model });
  }

  /** The last call left a draining slot. */
  drained(slot: Slot): void {
    this.#shell.lookAt(slot);
  }

  /** Waits for a copy; resolves with what came of it. */
  ensure(record: ModelRecord, lastUsedMs: EpochMs, knownUnits: SizeUnits | null): Promise<WaitOutcome> {
    return new Promise((resolve) => this.waits.want(record, 'background', lastUsedMs, knownUnits, resolve));
  }

  /** Begins to load; nobody waits for what comes of it. */
  start(record: ModelRecord, lastUsedMs: EpochMs, knownUnits: SizeUnits | null): void {
    this.waits.want(record, 'background', lastUsedMs, knownUnits, () => {});
  }

  /** Drops the copy here. */
  unload(model: ModelKey): void {
    if (this.cache.copy(model) !== null) this.#shell.step({ kind: 'remove', model });
  }

  /** A new artifact, or the wish for a new try: failures count for nothing any more. */
  artifactChanged(model: ModelKey): void {
    this.#shell.step({ kind: 'artifact-changed', model });
  }

  /** What the runtime measured. */
  measured(usage: RuntimeUsage): void {
    for (const { key, bytes, peakBytes } of usage.models) {
      const copy = this.cache.copy(key);
      if (copy === null) continue;
      this.#shell.step({ kind: 'measured', model: key, copy: copy.copy, current: bytes, peak: peakBytes });
    }
    // The whole says something only at a quiet point: a load that runs holds memory that nobody has booked as measured.
    const { loadsRunning, leaving } = this.cache.summary();
    if (loadsRunning + leaving === 0) {
      this.#shell.step({ kind: 'runtime-measured', total: usage.privateBytes, empty: usage.baseBytes });
    }
  }

  /** What is known of the copy here, for a status answer. */
  knowledge(model: ModelKey): CopyKnowledge | 'absent' {
    const copy = this.cache.copy(model);
    switch (copy?.state.kind) {
      case 'active':
      case 'sizing':
        return 'loaded';
      case 'predicting':
      case 'queued':
      case 'waiting-for-space':
      case 'loading':
      case 'claiming':
        return 'loading';
      default:
        return 'absent';
    }
  }

  /** The failed load that calls for the model are answered with here; `null` without one. */
  failure(model: ModelKey): LoadFailure | null {
    const state = this.cache.copy(model)?.state;
    if (state?.kind !== 'failed' || state.outcome.kind !== 'load-failed') return null;
    return { atMs: state.outcome.failedAtMs, message: state.outcome.message };
  }

  /** What is known of the model's size here; `declared`: what its owner says. */
  memory(model: ModelKey, declaredBytes: number | null): ModelMemory {
    const { predicted, measuredUnits, highWaterUnits, bookedUnits } = this.cache.sizes(model);
    const inBytes = (units: SizeUnits | null): number | null => (units === null ? null : bytesForUnits(units));
    return {
      declaredBytes,
      predictedBytes: predicted,
      measuredBytes: inBytes(measuredUnits),
      highWaterBytes: inBytes(highWaterUnits),
      bookedBytes: inBytes(bookedUnits),
    };
  }

  /** Last use of the copy here; 0 without one. */
  lastUsedMs(model: ModelKey): EpochMs {
    return this.cache.copy(model)?.lastUsedMs ?? epochMs(0);
  }

  /** Calls that the runtime runs at a time in the copy here; `null`: it sets no limit. */
  concurrencyOf(model: ModelKey): number | null {
    return this.#concurrency.get(model) ?? null;
  }

  /** The instance leaves: whoever waits for a load that is given up looks elsewhere. */
  leaves(): void {
    this.waits.leaves();
  }

  /** No new loads; what is queued is given up, and everyone who waits is told. */
  stop(): void {
    this.#stopped = true;
    this.#shell.step({ kind: 'stop' });
    this.waits.close('the node is shutting down');
  }

  close(): void {
    this.#fileReleases.close();
    this.#shell.close();
  }

  describe(model: ModelKey): RuntimeModel | undefined {
    const record = this.#mirror.view.model(DEFAULT_NAMESPACE, model)?.record;
    return record === undefined ? undefined : { key: model, type: record.type, path: record.path, encKey: record.encKey };
  }

  onLoaded(model: ModelKey, concurrency: number | null): void {
    if (concurrency === null) this.#concurrency.delete(model);
    else this.#concurrency.set(model, concurrency);
  }

  onServing(model: ModelKey, slot: Slot): void {
    this.#routes.serving(model, slot, this.concurrencyOf(model));
    this.#events.emit({ kind: 'model-loaded', model, message: `model ${model} is loaded` });
    this.onChange();
  }

  onNotServing(model: ModelKey, slot: Slot): void {
    this.#routes.notServing(model, slot);
    this.onChange();
  }

  onWake(model: ModelKey, outcome: WakeOutcome): void {
    // Whoever is told of the copy must find it in the route table.
    this.#routes.flush();
    this.waits.woken(model, outcome);
  }

  onEvicted(model: ModelKey, units: SizeUnits, idleForMs: DurationMs): void {
    this.#events.emit({ kind: 'model-evicted', model, message: `model ${model} makes room`, fields: { idleForMs } });
    this.onPushedOut(model, units, idleForMs);
  }

  onGone(model: ModelKey): void {
    if (this.knowledge(model) === 'absent') this.#concurrency.delete(model);
    this.#events.emit({ kind: 'model-unloaded', model, message: `model ${model} is unloaded` });
    this.#fileReleases.add(model);
    this.onChange();
  }

  onLoadFailed(model: ModelKey, message: string): void {
    this.#events.emit({ kind: 'load-failed', model, message });
    const record = this.#mirror.view.model(DEFAULT_NAMESPACE, model)?.record;
    if (record !== undefined) this.onFailure(record);
  }

  onDecision(decision: CacheDecision): void {
    this.#journal.add(cacheRecord(decision, this.instance));
    if (decision.kind === 'refuse')
      this.#events.emit({ kind: 'model-refused', model: decision.model, message: decision.because });
    if (decision.kind === 'recycle') this.#events.emit({ kind: 'runtime-recycled', message: decision.because });
  }

  onMetric(model: ModelKey, metric: CacheMetric): void {
    this.#metrics.cacheMetric(model, metric);
    if (metric.name !== 'load-time') return;
    const record = this.#mirror.view.model(DEFAULT_NAMESPACE, model)?.record;
    if (record !== undefined) this.onLoadTook(record, metric.durationMs);
  }
}
