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
import { type ClusterFacts, mayRemove, type RemoveCopy, scaleDownPass } from '../../scaling/index.ts';
import type { FillNode } from '../fill-node.ts';
import { FILL_PERIOD_MS, Filler, type FillSituation } from '../filler.ts';
import type { FillLoad } from '../plan.ts';
import { type KnownCopy, offersOf } from '../proposals.ts';
import { NOW } from './small-room.ts';

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
      const view = { nowMs: instant.wallMs, isLive: (id: InstanceId) => this.#instances.has(id) };
      const offers = offersOf(this.#known(instance), nodeOf(instance), durationMs(LOAD_MS), view);
      if (run.spreadUnits > 0) for (const offer of offers) run.scan.propose(offer);
      this.#start(run.finish().loads);
    }
    for (const instance of this.#instances.values()) this.#load(instance);
  }

  /** What instances that are full give up because a fresh one took it over, as the janitor's run does; by the model. */
  scaleDown(): readonly RemoveCopy[] {
    const nowMs = epochMs(NOW + this.#nowMs);
    const removed: RemoveCopy[] = [];
    for (const instance of this.#instances.values()) {
      const node = nodeOf(instance);
      const copies = this.#known(instance).map((copy) => ({ ...copy, heavyAgeMs: null, load: undefined, queued: 0 }));
      const freeShareOf = (id: InstanceId): number => {
        const other = this.#instances.get(id);
        return other === undefined ? 0 : 1 - (other.cache.size * UNITS) / other.capacity;
      };
      const view = { cluster: this.#facts(instance.id), nowMs, selfFull: node.full, freeShareOf };
      for (const decision of scaleDownPass(copies, sizeUnits(instance.capacity), view).decisions) {
        const record = this.#records.get(decision.model);
        if (decision.kind !== 'remove-copy' || record === undefined) continue;
        if (!mayRemove(record, decision, instance.id, (id) => this.#instances.has(id))) continue;
        instance.cache.delete(decision.model);
        this.#records.set(decision.model, withCopyUnloaded(record, instance.id, nowMs));
        removed.push(decision);
      }
    }
    return removed;
  }

  /** Models that are loaded somewhere. */
  get loadedModels(): number {
    return [...this.#records.values()].filter(({ copies }) => copies.size > 0).length;
  }

  #facts(self: InstanceId): ClusterFacts {
    const nodes = [...this.#instances.values()].map(nodeOf);
    const sum = (of: (node: FillNode) => number): number => nodes.reduce((total, node) => total + of(node), 0);
    const fullness = {
      capacityUnits: sizeUnits(sum((node) => node.capacityUnits)),
      freeUnits: sizeUnits(sum((node) => (node.full ? 0 : node.capacityUnits - node.usedUnits))),
      oldestUseMs: epochMs(Math.min(...nodes.map((node) => node.oldestUseMs ?? NOW))),
    };
    const suitable = new Map(nodes.map(({ id }) => [id, 0] as const));
    const ids = [...this.#instances.keys()];
    return {
      self,
      isLive: (id) => this.#instances.has(id),
      isBefore: (a, b) => ids.indexOf(a) > ids.indexOf(b),
      factsFor: () => ({ suitable, fullness, assumeLoadedAfterMs: durationMs(LOAD_MS) }),
    };
  }

  #known({ cache }: Instance): KnownCopy[] {
    return [...cache].flatMap(([model, usedMs]) => {
      const record = this.#records.get(model);
      const lastUsedMs = epochMs(usedMs);
      return record === undefined
        ? []
        : [{ record, units: sizeUnits(UNITS), lastUsedMs, callsPerMinute: null, loadMs: durationMs(LOAD_MS) }];
    });
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
