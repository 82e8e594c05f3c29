/** Instances with real least-recently-used caches of models of ten units, a registry of who holds what, and the fillers of all of them. */

import {
  durationMs,
  epochMs,
  type InstanceId,
  instanceId,
  type ModelKey,
  modelKey,
  monotonicMs,
  sizeUnits,
} from '../../index.ts';
import { type ModelRecord, newModelRecord, withCopyClaimed, withCopyUnloaded } from '../../records/index.ts';
import type { FillNode } from '../fill-node.ts';
import { FILL_PERIOD_MS, Filler, type FillSituation } from '../filler.ts';
import type { FillLoad } from '../plan.ts';
import { aCandidate, NOW } from './small-room.ts';

const UNITS = 10;
const LOAD_MS = 1000;
const LOADS_PER_PERIOD_AND_THREAD = FILL_PERIOD_MS / LOAD_MS;

interface Instance {
  readonly id: InstanceId;
  readonly capacity: number;
  readonly threads: number;
  readonly filler: Filler;
  /** Models with their last use here. */
  readonly cache: Map<ModelKey, number>;
  queue: FillLoad[];
}

export class VirtualCluster {
  readonly #instances = new Map<InstanceId, Instance>();
  readonly #records = new Map<ModelKey, ModelRecord>();
  readonly #leader = new Filler({ kind: 'leader' });
  #nowMs = 0;
  /** Loads that were carried out, and those that pushed something out, by the second. */
  readonly loaded: { readonly atMs: number; readonly model: ModelKey; readonly to: InstanceId }[] = [];
  readonly evicted: { readonly atMs: number; readonly model: ModelKey; readonly usedMs: number; readonly forUsedMs: number }[] =
    [];

  join(name: string, capacity = 1000, threads = 4): void {
    const id = instanceId(name);
    this.#instances.set(id, {
      id,
      capacity,
      threads,
      filler: new Filler({ kind: 'instance', self: id }),
      cache: new Map(),
      queue: [],
    });
  }

  /** A model that was last used so long before the start; with `home` it is loaded there. */
  register(name: string, idleMs: number, home?: string): void {
    const lastUsedMs = epochMs(NOW - idleMs);
    let record = newModelRecord({ key: modelKey(name), type: 'onnx', lastUsedMs });
    if (home !== undefined) {
      record = withCopyClaimed(record, instanceId(home), epochMs(NOW - 10 * 3_600_000));
      this.#instances.get(instanceId(home))?.cache.set(record.key, lastUsedMs);
    }
    this.#records.set(record.key, record);
  }

  /** The model is called, in every instance that has it. */
  use(name: string): void {
    for (const { cache } of this.#instances.values()) {
      const key = modelKey(name);
      if (cache.has(key)) cache.set(key, NOW + this.#nowMs);
    }
  }

  used(name: string): number {
    return (this.#instances.get(instanceId(name))?.cache.size ?? 0) * UNITS;
  }

  /** One period: all fillers run, then the loads that threads get done. */
  run(): void {
    this.#nowMs += FILL_PERIOD_MS;
    const instant = { monotonicMs: monotonicMs(this.#nowMs), wallMs: epochMs(NOW + this.#nowMs) };
    const leader = this.#leader.begin(this.#situation(), instant);
    leader.scan.consider(this.#records.values());
    this.#start(leader.finish().loads);
    for (const instance of this.#instances.values()) {
      const run = instance.filler.begin(this.#situation(), instant);
      if (run.spreadUnits > 0) this.#offer(instance, (candidate) => run.scan.propose(candidate));
      this.#start(run.finish().loads);
    }
    for (const instance of this.#instances.values()) this.#load(instance);
  }

  #offer({ id, cache, capacity }: Instance, propose: (candidate: ReturnType<typeof aCandidate>) => void): void {
    const full = capacity - cache.size * UNITS < UNITS;
    for (const [model, usedMs] of cache) {
      const record = this.#records.get(model);
      if (record === undefined || record.copies.size !== 1) continue;
      const idleMs = durationMs(Math.max(0, NOW + this.#nowMs - usedMs));
      propose(aCandidate(model, { reason: 'spread', idleMs, exclude: [id], freesPerUnit: full ? 0.001 : 0 }));
    }
  }

  #start(loads: readonly FillLoad[]): void {
    for (const load of loads) this.#instances.get(load.to)?.queue.push(load);
  }

  #load(instance: Instance): void {
    const now = instance.queue.splice(0, instance.threads * LOADS_PER_PERIOD_AND_THREAD);
    for (const load of now) {
      this.#leader.ended(load.model);
      for (const { filler } of this.#instances.values()) filler.ended(load.model);
      if (!this.#makeRoom(instance, load)) continue;
      instance.cache.set(load.model, load.lastUsedMs);
      const record = this.#records.get(load.model);
      if (record !== undefined) this.#records.set(load.model, withCopyClaimed(record, instance.id, epochMs(NOW + this.#nowMs)));
      this.loaded.push({ atMs: this.#nowMs, model: load.model, to: instance.id });
    }
  }

  /** As the cache does: the oldest goes, unless it was used later than what comes. */
  #makeRoom(instance: Instance, load: FillLoad): boolean {
    if (instance.cache.has(load.model)) return false;
    while ((instance.cache.size + 1) * UNITS > instance.capacity) {
      const [oldest] = [...instance.cache].toSorted(([, a], [, b]) => a - b);
      if (oldest === undefined || oldest[1] > load.lastUsedMs) return false;
      const [model, usedMs] = oldest;
      instance.cache.delete(model);
      const record = this.#records.get(model);
      if (record !== undefined) {
        const unloaded = withCopyUnloaded(record, instance.id, epochMs(NOW + this.#nowMs));
        this.#records.set(model, { ...unloaded, lastUsedMs: epochMs(usedMs) });
      }
      this.evicted.push({ atMs: this.#nowMs, model, usedMs, forUsedMs: load.lastUsedMs });
    }
    return true;
  }

  #situation(): FillSituation {
    return {
      nodes: [...this.#instances.values()].map((instance) => nodeOf(instance)),
      defaultUnits: sizeUnits(UNITS),
      typicalLoadMs: durationMs(LOAD_MS),
      mayHold: () => true,
      unitsOf: () => sizeUnits(UNITS),
      loadMsOf: () => durationMs(LOAD_MS),
      isLive: (instance) => this.#instances.has(instance),
    };
  }
}

function nodeOf({ id, capacity, threads, cache, queue }: Instance): FillNode {
  const oldest = Math.min(...cache.values());
  return {
    id,
    capacityUnits: sizeUnits(capacity),
    usedUnits: sizeUnits(cache.size * UNITS),
    modelCount: cache.size,
    oldestUseMs: cache.size === 0 ? null : epochMs(oldest),
    full: capacity - cache.size * UNITS < UNITS,
    loadingThreads: threads,
    loadsInProgress: queue.length,
  };
}
