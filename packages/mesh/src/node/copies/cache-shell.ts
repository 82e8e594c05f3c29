import {
  assertNever,
  type Bytes,
  type Clock,
  type DurationMs,
  durationMs,
  type EpochMs,
  epochMs,
  type MeshError,
  type ModelKey,
  type SizeUnits,
  type Timer,
  toMeshError,
} from '@modelmesh/core';
import type {
  Cache,
  CacheDecision,
  CacheEffect,
  CacheEvent,
  CacheMetric,
  CopyId,
  Slot,
  WakeOutcome,
} from '@modelmesh/core/cache';
import type { SlotCounters } from '../../link/index.ts';
import type { Runtime, RuntimeModel } from '../../runtime/index.ts';
import type { ClaimBook } from '../registry/index.ts';

/** What the shell tells the rest of the node. */
export interface CacheShellSink {
  /** The model's strings for the runtime; `undefined` when it is not registered any more. */
  describe(model: ModelKey): RuntimeModel | undefined;
  /** The runtime has loaded the model; whether the copy serves is decided next. `concurrency`: calls that it runs at a time, if it limits them. */
  onLoaded(model: ModelKey, concurrency: number | null): void;
  onServing(model: ModelKey, slot: Slot): void;
  /** No call may be sent to the slot any more. */
  onNotServing(model: ModelKey, slot: Slot): void;
  onWake(model: ModelKey, outcome: WakeOutcome): void;
  onEvicted(model: ModelKey, units: SizeUnits, idleForMs: DurationMs): void;
  onGone(model: ModelKey): void;
  /** A load failed, or the model can never fit: told once, whoever waits for it and however often it is asked for. */
  onLoadFailed(model: ModelKey, message: string): void;
  onDecision(decision: CacheDecision): void;
  onMetric(model: ModelKey, metric: CacheMetric): void;
}

/**
 * How long a load that could not reach the runtime is left without a verdict: if the runtime itself is lost the cache hears of that within
 * this time, and starts the load again in its next life.
 */
const VERDICT_DELAY_MS = durationMs(1000);

/** How often a draining slot that still has calls is looked at, besides the data plane's own word. */
const DRAIN_POLL_MS = durationMs(1000);

/**
 * Performs what the cache decides: asks the runtime, writes claims, opens and drains slots, keeps timers. Holds no decision of its own;
 * every answer goes back as an event.
 */
export class CacheShell {
  readonly #cache: Cache;
  readonly #runtime: Runtime;
  readonly #claims: ClaimBook;
  readonly #counters: SlotCounters;
  readonly #clock: Clock;
  readonly #sink: CacheShellSink;
  readonly #timers = new Map<number, Timer>();
  readonly #loads = new Map<CopyId, AbortController>();
  readonly #verdicts = new Set<Timer>();
  readonly #draining = new Map<number, { readonly slot: Slot; timer: Timer }>();
  readonly #events: CacheEvent[] = [];
  #stepping = false;

  constructor(parts: {
    readonly cache: Cache;
    readonly runtime: Runtime;
    readonly claims: ClaimBook;
    readonly counters: SlotCounters;
    readonly clock: Clock;
    readonly sink: CacheShellSink;
  }) {
    this.#cache = parts.cache;
    this.#runtime = parts.runtime;
    this.#claims = parts.claims;
    this.#counters = parts.counters;
    this.#clock = parts.clock;
    this.#sink = parts.sink;
  }

  /** The cache, for reading. */
  get cache(): Cache {
    return this.#cache;
  }

  /** Gives an event to the cache and performs what follows. From inside an effect it is queued, so that steps never nest. */
  step(event: CacheEvent): void {
    this.#events.push(event);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        const now = { monotonicMs: this.#clock.monotonicMs(), wallMs: this.#clock.wallMs() };
        for (const effect of this.#cache.step(next, now)) this.#perform(effect);
      }
    } finally {
      this.#stepping = false;
    }
  }

  /** The data plane says that the last call left a draining slot. */
  lookAt(slot: Slot): void {
    this.#checkDrained(slot);
  }

  /** Ends timers and loads; the runtime is left to its owner. */
  close(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    for (const { timer } of this.#draining.values()) timer.cancel();
    for (const timer of this.#verdicts) timer.cancel();
    for (const load of this.#loads.values()) load.abort();
    this.#timers.clear();
    this.#verdicts.clear();
    this.#draining.clear();
  }

  #perform(effect: CacheEffect): void {
    switch (effect.kind) {
      case 'predict-size':
        this.#predict(effect.model, effect.copy);
        return;
      case 'claim':
        this.#claim(effect.model, effect.copy, effect.sinceMs);
        return;
      case 'withdraw-claim':
        this.#quietly(this.#claims.withdraw(effect.model, this.#lastUsed(effect.model, effect.copy)));
        return;
      case 'record-failure':
        this.#sink.onLoadFailed(effect.model, effect.message);
        this.#quietly(this.#claims.recordFailure(effect.model, effect.atMs, effect.message));
        return;
      case 'clear-failure':
        this.#quietly(this.#claims.clearFailure(effect.model));
        return;
      case 'start-load':
        this.#load(effect.model, effect.copy);
        return;
      case 'cancel-load':
        this.#loads.get(effect.copy)?.abort();
        return;
      case 'size-model':
        this.#size(effect.model, effect.copy);
        return;
      case 'start-unload':
        this.#unload(effect.model, effect.copy);
        return;
      default:
        this.#performLocal(effect);
    }
  }

  #performLocal(
    effect: Exclude<
      CacheEffect,
      {
        readonly kind:
          | 'predict-size'
          | 'claim'
          | 'withdraw-claim'
          | 'record-failure'
          | 'clear-failure'
          | 'start-load'
          | 'cancel-load'
          | 'size-model'
          | 'start-unload';
      }
    >,
  ): void {
    switch (effect.kind) {
      case 'serving':
        this.#counters.open(effect.slot, this.#cache.copy(effect.model)?.lastUsedMs ?? this.#clock.wallMs());
        this.#sink.onServing(effect.model, effect.slot);
        return;
      case 'begin-draining':
      case 'copy-lost':
        this.#sink.onNotServing(effect.model, effect.slot);
        this.#drain(effect.slot);
        return;
      case 'wake-waiters':
        this.#sink.onWake(effect.model, effect.outcome);
        return;
      case 'evicted':
        this.#sink.onEvicted(effect.model, effect.units, effect.idleForMs);
        return;
      case 'gone':
        this.#sink.onGone(effect.model);
        return;
      case 'set-timer':
        this.#setTimer(effect.timer, effect.delayMs);
        return;
      case 'cancel-timer':
        this.#timers.get(effect.timer)?.cancel();
        this.#timers.delete(effect.timer);
        return;
      case 'recycle-runtime':
        this.#quietly(this.#runtime.recycle(effect.reason));
        return;
      case 'decided':
        this.#sink.onDecision(effect.decision);
        return;
      case 'metric':
        this.#sink.onMetric(effect.model, effect.metric);
        return;
      default:
        assertNever(effect);
    }
  }

  #setTimer(timer: number, delayMs: DurationMs): void {
    const running = this.#clock.after(delayMs, () => {
      this.#timers.delete(timer);
      this.step({ kind: 'timer', timer });
    });
    this.#timers.set(timer, running);
  }

  #predict(model: ModelKey, copy: CopyId): void {
    const described = this.#sink.describe(model);
    const answer = (predicted: Bytes | null): void => this.step({ kind: 'predicted', model, copy, predicted });
    if (described === undefined) {
      answer(null);
      return;
    }
    this.#runtime.predictBytes(described).then(answer, () => answer(null));
  }

  #claim(model: ModelKey, copy: CopyId, sinceMs: EpochMs): void {
    this.#claims.claim(model, sinceMs, this.#lastUsed(model, copy)).then(
      () => this.step({ kind: 'claimed', model, copy }),
      (error: unknown) => this.step({ kind: 'claim-lost', model, copy, message: toMeshError(error).message }),
    );
  }

  /** Last use of a copy that loads or leaves; 0 when the cache has let go of it. */
  #lastUsed(model: ModelKey, copy: CopyId): EpochMs {
    const view = this.#cache.copy(model);
    return view?.copy === copy ? view.lastUsedMs : epochMs(0);
  }

  #load(model: ModelKey, copy: CopyId): void {
    const described = this.#sink.describe(model);
    if (described === undefined) {
      this.step({ kind: 'load-failed', model, copy, message: 'the model was unregistered' });
      return;
    }
    const controller = new AbortController();
    this.#loads.set(copy, controller);
    this.step({ kind: 'load-started', model, copy });
    this.#runtime.load(described, controller.signal).then(
      ({ bytes, concurrency }) => {
        this.#loads.delete(copy);
        this.#sink.onLoaded(model, concurrency);
        this.step({ kind: 'load-succeeded', model, copy, measured: bytes });
      },
      (error: unknown) => {
        this.#loads.delete(copy);
        this.#loadFailed(model, copy, toMeshError(error));
      },
    );
  }

  #loadFailed(model: ModelKey, copy: CopyId, error: MeshError): void {
    const verdict = (): void => this.step({ kind: 'load-failed', model, copy, message: error.message });
    if (error.kind !== 'unavailable') {
      verdict();
      return;
    }
    const timer = this.#clock.after(VERDICT_DELAY_MS, () => {
      this.#verdicts.delete(timer);
      verdict();
    });
    this.#verdicts.add(timer);
  }

  #size(model: ModelKey, copy: CopyId): void {
    const answer = (measured: Bytes | null): void => this.step({ kind: 'sized', model, copy, measured });
    this.#runtime.modelBytes(model).then(answer, () => answer(null));
  }

  #unload(model: ModelKey, copy: CopyId): void {
    this.#runtime.unload(model).then(
      () => this.step({ kind: 'unload-succeeded', model, copy }),
      (error: unknown) => this.step({ kind: 'unload-failed', model, copy, message: toMeshError(error).message }),
    );
  }

  #drain(slot: Slot): void {
    this.#counters.drain(slot);
    const poll = (): void => this.#checkDrained(slot);
    // Never in this very step: the cache must not hear of the end before the effect has been performed.
    this.#draining.set(slot.index, { slot, timer: this.#clock.after(durationMs(0), poll) });
  }

  #checkDrained(slot: Slot): void {
    const draining = this.#draining.get(slot.index);
    if (draining === undefined || draining.slot.generation !== slot.generation) return;
    draining.timer.cancel();
    if (!this.#counters.release(slot)) {
      draining.timer = this.#clock.after(DRAIN_POLL_MS, () => this.#checkDrained(slot));
      return;
    }
    this.#draining.delete(slot.index);
    this.step({ kind: 'in-flight-zero', slot });
  }

  /** Registry writes that say what the cache already knows: the claim book writes again what is lost here. */
  #quietly(done: Promise<void>): void {
    done.catch(() => {});
  }
}
