/** The machine of `cache/` under virtual time, with a runtime and a registry around it that do what the trace says. */

import { assert } from '../assert.ts';
import {
  type CacheConfig,
  type CacheEffect,
  type CacheEvent,
  type CachePolicy,
  type CopyId,
  createCache,
  DEFAULT_CACHE_CONFIG,
  type Slot,
  type WakeOutcome,
} from '../cache/index.ts';
import type { HeapNode } from '../indexed-heap.ts';
import { bytes, durationMs, type EpochMs, epochMs, type ModelKey, monotonicMs, type SizeUnits, unitsForBytes } from '../units.ts';
import { Agenda } from './agenda.ts';
import { type ReplayFigures, TIMELINE_PARTS } from './figures.ts';
import type { Trace, TraceModel } from './trace.ts';

/** A call whose copy was pushed out before it served asks again this often, as in a node. */
const DISPLACED_TRIES_MAX = 3;
/** The wall clock at the start of a trace: uses at 0 would count as never used. */
const START_MS = 1_000_000_000_000;

/** Runs the calls of `trace` through a cache with this order of victims, to the end of the last load. */
export function replayTrace(trace: Trace, policy: CachePolicy, config: CacheConfig = DEFAULT_CACHE_CONFIG): ReplayFigures {
  const replay = new Replay(trace, policy, config);
  for (let call = 0; call < trace.called.length; call += 1) replay.call(trace.atMs[call] ?? 0, trace.called[call] ?? 0);
  return replay.finish(policy.name);
}

/** Calls that wait for one model. */
interface Waiting {
  readonly sinceMs: number[];
  tries: number;
}

interface Counted {
  slot: Slot;
  lastUsedMs: EpochMs;
  calls: number;
}

class Replay {
  readonly #trace: Trace;
  readonly #models: ReadonlyMap<ModelKey, number>;
  readonly #units: readonly SizeUnits[];
  readonly #cache;
  readonly #agenda = new Agenda<CacheEvent>();
  readonly #timers = new Map<number, HeapNode<CacheEvent>>();
  readonly #loads = new Map<CopyId, HeapNode<CacheEvent>>();
  readonly #events: CacheEvent[] = [];
  /** By slot index: the counters of the data plane. */
  readonly #counted: (Counted | undefined)[] = [];
  /** By model: the counters of the copy that serves. */
  readonly #serving: (Counted | undefined)[] = [];
  readonly #waiting = new Map<ModelKey, Waiting>();
  readonly #byModel: { calls: number; hits: number; loads: number }[];
  readonly #lengthMs: number;
  readonly #coldMsOverTime = new Array<number>(TIMELINE_PARTS).fill(0);
  readonly #sums = { calls: 0, hits: 0, failures: 0, loads: 0, coldMs: 0, waitedMs: 0, evictions: 0, bytesLoaded: 0 };
  #nowMs = 0;

  constructor(trace: Trace, policy: CachePolicy, config: CacheConfig) {
    this.#trace = trace;
    this.#models = new Map(trace.models.map(({ key }, at) => [key, at]));
    this.#byModel = trace.models.map(() => ({ calls: 0, hits: 0, loads: 0 }));
    this.#units = trace.models.map((model) => unitsForBytes(model.bytes));
    this.#lengthMs = Math.max(1, trace.atMs.at(-1) ?? 0);
    const counted = ({ index, generation }: Slot): Counted | undefined => {
      const found = this.#counted[index];
      return found?.slot.generation === generation ? found : undefined;
    };
    const uses = {
      lastUsedMs: (slot: Slot) => counted(slot)?.lastUsedMs ?? epochMs(0),
      calls: (slot: Slot) => counted(slot)?.calls ?? 0,
    };
    this.#cache = createCache(config, uses, policy);
    const largest = this.#units.reduce<number>((most, units) => Math.max(most, units), 1);
    const slowestMs = trace.models.reduce<number>((most, { loadMs }) => Math.max(most, loadMs), 1);
    this.#step({
      kind: 'runtime-ready',
      capacityUnits: unitsForBytes(trace.cache.capacity),
      loadingConcurrency: trace.cache.loadingConcurrency,
      loadTimeoutMs: durationMs(slowestMs * 10),
      defaultSizeUnits: this.#units[0] ?? unitsForBytes(bytes(largest)),
    });
  }

  /** A call arrives. */
  call(atMs: number, model: number): void {
    this.#advance(atMs);
    this.#sums.calls += 1;
    this.#ofModel(model).calls += 1;
    const serving = this.#serving[model];
    if (serving !== undefined) {
      this.#sums.hits += 1;
      this.#ofModel(model).hits += 1;
      serving.lastUsedMs = this.#wallMs();
      serving.calls += 1;
      return;
    }
    const { key } = this.#model(model);
    const waiting = this.#waiting.get(key) ?? { sinceMs: [], tries: 1 };
    waiting.sinceMs.push(atMs);
    this.#waiting.set(key, waiting);
    this.#request(model);
  }

  /** Lets everything that was begun come to its end. */
  finish(policy: ReplayFigures['policy']): ReplayFigures {
    while (this.#waiting.size > 0 && Number.isFinite(this.#agenda.nextMs)) this.#advance(this.#agenda.nextMs);
    const { coldMs, waitedMs, bytesLoaded, ...counts } = this.#sums;
    return {
      policy,
      ...counts,
      coldMs: durationMs(coldMs),
      waitedMs: durationMs(waitedMs),
      bytesLoaded: bytes(bytesLoaded),
      byModel: this.#byModel,
      coldMsOverTime: this.#coldMsOverTime,
    };
  }

  #model(index: number): TraceModel {
    const model = this.#trace.models[index];
    assert(model !== undefined, `the trace has no model ${index}`);
    return model;
  }

  #ofModel(index: number): { calls: number; hits: number; loads: number } {
    const figures = this.#byModel[index];
    assert(figures !== undefined, `the trace has no model ${index}`);
    return figures;
  }

  #modelOf(key: ModelKey): TraceModel {
    return this.#model(this.#models.get(key) ?? -1);
  }

  #wallMs = (): EpochMs => epochMs(START_MS + this.#nowMs);

  /** What is due until then happens. */
  #advance(untilMs: number): void {
    while (this.#agenda.nextMs <= untilMs) {
      this.#nowMs = Math.max(this.#nowMs, this.#agenda.nextMs);
      const event = this.#agenda.take();
      if (event?.kind === 'timer') this.#timers.delete(event.timer);
      if (event?.kind === 'load-succeeded') this.#loads.delete(event.copy);
      if (event !== undefined) this.#step(event);
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  #later(delayMs: number, event: CacheEvent): HeapNode<CacheEvent> {
    return this.#agenda.put(this.#nowMs + delayMs, event);
  }

  #request(model: number): void {
    this.#step({
      kind: 'request',
      model: this.#model(model).key,
      artifact: '',
      urgency: 'call',
      lastUsedMs: epochMs(0),
      knownUnits: this.#units[model] ?? null,
      declaredUnits: null,
      policy: { pinned: false, idleAfterMs: null },
    });
  }

  /** Steps never nest: what an effect brings about is an event behind those that wait already. */
  #step(event: CacheEvent): void {
    this.#events.push(event);
    if (this.#events.length > 1) return;
    while (this.#events[0] !== undefined) {
      const now = { monotonicMs: monotonicMs(this.#nowMs), wallMs: this.#wallMs() };
      for (const effect of this.#cache.step(this.#events[0], now)) this.#perform(effect);
      this.#events.shift();
    }
  }

  #perform(effect: CacheEffect): void {
    switch (effect.kind) {
      case 'claim':
        this.#step({ kind: 'claimed', model: effect.model, copy: effect.copy });
        return;
      case 'predict-size':
      case 'size-model':
        assert(false, 'a trace knows the sizes of its models before they are asked for');
        return;
      case 'start-load':
        this.#load(effect.model, effect.copy);
        return;
      case 'cancel-load':
        this.#cancelLoad(effect.copy);
        return;
      case 'serving':
        this.#serve(effect.model, effect.slot);
        return;
      case 'begin-draining':
      case 'copy-lost':
        this.#serving[this.#models.get(effect.model) ?? -1] = undefined;
        this.#step({ kind: 'in-flight-zero', slot: effect.slot });
        return;
      case 'start-unload':
        this.#later(this.#trace.cache.unloadMs, { kind: 'unload-succeeded', model: effect.model, copy: effect.copy });
        return;
      case 'wake-waiters':
        this.#wake(effect.model, effect.outcome);
        return;
      case 'evicted':
        this.#sums.evictions += 1;
        return;
      case 'set-timer':
        this.#timers.set(effect.timer, this.#later(effect.delayMs, { kind: 'timer', timer: effect.timer }));
        return;
      case 'cancel-timer':
        this.#cancelTimer(effect.timer);
        return;
      default:
        return; // Records, metrics and facts for the registry: nobody reads them here.
    }
  }

  #cancelTimer(timer: number): void {
    const node = this.#timers.get(timer);
    if (node !== undefined) this.#agenda.callOff(node);
    this.#timers.delete(timer);
  }

  #load(model: ModelKey, copy: CopyId): void {
    const { loadMs, bytes: measured } = this.#modelOf(model);
    this.#sums.loads += 1;
    this.#ofModel(this.#models.get(model) ?? -1).loads += 1;
    this.#sums.coldMs += loadMs;
    this.#sums.bytesLoaded += measured;
    const part = Math.min(TIMELINE_PARTS - 1, Math.floor((this.#nowMs / this.#lengthMs) * TIMELINE_PARTS));
    this.#coldMsOverTime[part] = (this.#coldMsOverTime[part] ?? 0) + loadMs;
    this.#step({ kind: 'load-started', model, copy });
    this.#loads.set(copy, this.#later(loadMs, { kind: 'load-succeeded', model, copy, measured }));
  }

  #cancelLoad(copy: CopyId): void {
    const node = this.#loads.get(copy);
    if (node === undefined) return;
    this.#agenda.callOff(node);
    this.#loads.delete(copy);
    const event = node.item;
    if (event.kind === 'load-succeeded') this.#step({ kind: 'load-failed', model: event.model, copy, message: 'called off' });
  }

  #serve(model: ModelKey, slot: Slot): void {
    const counted = { slot, lastUsedMs: epochMs(0), calls: 0 };
    this.#counted[slot.index] = counted;
    this.#serving[this.#models.get(model) ?? -1] = counted;
  }

  #wake(model: ModelKey, outcome: WakeOutcome): void {
    const waiting = this.#waiting.get(model);
    if (waiting === undefined) return;
    if (outcome.kind === 'evicted' && waiting.tries < DISPLACED_TRIES_MAX) {
      waiting.tries += 1;
      this.#request(this.#models.get(model) ?? -1);
      return;
    }
    this.#waiting.delete(model);
    for (const sinceMs of waiting.sinceMs) this.#sums.waitedMs += this.#nowMs - sinceMs;
    const serving = this.#serving[this.#models.get(model) ?? -1];
    if (outcome.kind !== 'serving' || serving === undefined) {
      this.#sums.failures += waiting.sinceMs.length;
      return;
    }
    serving.calls += waiting.sinceMs.length;
    serving.lastUsedMs = this.#wallMs();
  }
}
