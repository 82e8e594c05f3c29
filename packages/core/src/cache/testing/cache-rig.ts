import assert from 'node:assert/strict';
import {
  type Bytes,
  bytes,
  type DurationMs,
  durationMs,
  type EpochMs,
  epochMs,
  type ModelKey,
  modelKey,
  type SizeUnits,
  sizeUnits,
  unitsForBytes,
} from '../../index.ts';
import { FakeClock } from '../../testing/index.ts';
import {
  type Cache,
  type CacheConfig,
  type CacheDecision,
  type CacheEffect,
  type CacheEvent,
  type CachePolicy,
  type CopyId,
  type CopyPolicy,
  type CopyUses,
  type CopyView,
  createCache,
  createCachePolicy,
  DEFAULT_CACHE_CONFIG,
  type RequestEvent,
  type Slot,
  surpriseHeadroom,
  type WakeOutcome,
} from '../index.ts';

export const MIB = 2 ** 20;
export const mib = (count: number): Bytes => bytes(count * MIB);
export const UNPINNED: CopyPolicy = { pinned: false, idleAfterMs: null };

/** How the surroundings of the cache behave. Times are delays; null where nothing ever comes. */
export interface Behaviour {
  predict(model: ModelKey): Bytes | null;
  readonly predictMs: number | null;
  loadMs(model: ModelKey): number | null;
  /** The message of the failure, or null for success. */
  loadFails(model: ModelKey): string | null;
  measured(model: ModelKey): Bytes | null;
  readonly sizeMs: number;
  readonly unloadMs: number;
  unloadFails(model: ModelKey): boolean;
  readonly claimMs: number;
  claimLost(model: ModelKey): boolean;
  /** Until nothing is in flight; null: a stream that never ends. */
  drainMs(model: ModelKey): number | null;
  /** Until a recycled runtime is ready again. */
  readonly restartMs: number;
}

/** Everything works: 50 MiB models that load in 20 ms. */
export const OBEDIENT: Behaviour = {
  predict: () => mib(50),
  predictMs: 0,
  loadMs: () => 20,
  loadFails: () => null,
  measured: () => mib(50),
  sizeMs: 1,
  unloadMs: 1000,
  unloadFails: () => false,
  claimMs: 1,
  claimLost: () => false,
  drainMs: () => 0,
  restartMs: 100,
};

const RUNTIME = { kind: 'runtime-ready', loadingConcurrency: 6, loadTimeoutMs: durationMs(90_000) } as const;

/**
 * A cache whose effects are performed by timers of a fake clock, and who checks at every step what must always hold: nothing is loaded
 * twice, the books agree with what is resident, nobody is woken twice, and victims are the least recently used.
 */
export class CacheRig {
  readonly clock = new FakeClock();
  readonly cache: Cache;
  readonly effects: CacheEffect[] = [];
  /** Outcomes in the order of waking. */
  readonly woken: { readonly model: ModelKey; readonly outcome: WakeOutcome; readonly waiters: number; readonly atMs: number }[] =
    [];
  readonly #behaviour: Behaviour;
  readonly #policy: CachePolicy;
  readonly #timers = new Map<number, () => void>();
  readonly #waiters = new Map<ModelKey, number>();
  /** Models inside the runtime: loading, loaded or unloading. */
  readonly #resident = new Map<ModelKey, CopyId>();
  readonly #used = new Map<number, EpochMs>();
  readonly #calls = new Map<number, number>();
  /** Victims of the step that is being performed. */
  readonly #evicted = new Set<ModelKey>();
  readonly #startMs: number;
  #runtimeLife = 0;
  #ready: Omit<Extract<CacheEvent, { kind: 'runtime-ready' }>, 'kind'> | null = null;
  /** Set when a measurement was larger than its booking: from then on memory may be overdrawn for a while. */
  surprised = false;
  /** The most that was ever booked beyond the capacity while a runtime was ready; not positive where the bound always held. */
  overbookedUnitsMax = Number.NEGATIVE_INFINITY;

  constructor(
    behaviour: Partial<Behaviour> = {},
    config: Partial<CacheConfig> = {},
    policy: CachePolicy = createCachePolicy('lru'),
  ) {
    this.#behaviour = { ...OBEDIENT, ...behaviour };
    this.#policy = policy;
    this.#startMs = this.clock.monotonicMs();
    const uses: CopyUses = {
      lastUsedMs: ({ index }) => this.#used.get(index) ?? epochMs(0),
      calls: ({ index }) => this.#calls.get(index) ?? 0,
    };
    this.cache = createCache({ ...DEFAULT_CACHE_CONFIG, ...config }, uses, policy);
  }

  get nowMs(): number {
    return this.clock.monotonicMs() - this.#startMs;
  }

  get waitersLeft(): number {
    let left = 0;
    for (const waiters of this.#waiters.values()) left += waiters;
    return left;
  }

  ready(capacity: Bytes, options: { loadingConcurrency?: number; defaultSize?: Bytes; loadTimeoutMs?: DurationMs } = {}): void {
    const {
      loadingConcurrency = RUNTIME.loadingConcurrency,
      defaultSize = mib(50),
      loadTimeoutMs = RUNTIME.loadTimeoutMs,
    } = options;
    const capacityUnits = unitsForBytes(capacity);
    this.#ready = { capacityUnits, loadingConcurrency, loadTimeoutMs, defaultSizeUnits: unitsForBytes(defaultSize) };
    this.send({ kind: 'runtime-ready', ...this.#ready });
  }

  /** The runtime dies; it comes back after `restartMs`. */
  crash(): void {
    this.#runtimeLife += 1;
    this.#resident.clear();
    this.send({ kind: 'runtime-lost' });
    const ready = this.#ready;
    if (ready !== null) this.#later(this.#behaviour.restartMs, { kind: 'runtime-ready', ...ready });
  }

  request(name: string, options: Partial<RequestEvent> = {}): void {
    const model = modelKey(name);
    this.#waiters.set(model, (this.#waiters.get(model) ?? 0) + 1);
    const base = { urgency: 'call', lastUsedMs: epochMs(0), knownUnits: null, declaredUnits: null, policy: UNPINNED } as const;
    this.send({ kind: 'request', model, artifact: '', ...base, ...options });
  }

  /** A call as the data plane counts it: the cache is not told. */
  use(name: string): void {
    const state = this.cache.copy(modelKey(name))?.state;
    if (state?.kind !== 'active' && state?.kind !== 'sizing') return;
    const { index } = state.slot;
    this.#used.set(index, this.clock.wallMs());
    this.#calls.set(index, (this.#calls.get(index) ?? 0) + 1);
  }

  /** Everybody who waits for the model gives up. */
  leave(name: string): void {
    if (this.#waiters.get(modelKey(name)) === undefined) return;
    this.#waiters.delete(modelKey(name));
    this.send({ kind: 'waiters-gone', model: modelKey(name) });
  }

  /** The runtime reports what a loaded model uses. */
  measure(name: string, current: Bytes): void {
    const copy = this.cache.copy(modelKey(name));
    if (copy === null) return;
    if (unitsForBytes(current) > copy.units) this.surprised = true;
    this.send({ kind: 'measured', model: copy.model, copy: copy.copy, current, peak: current });
  }

  send(event: CacheEvent): readonly CacheEffect[] {
    // A pin that this very event takes away does not protect in this step.
    const unpins = (copy: CopyView): boolean => 'policy' in event && event.model === copy.model && !event.policy.pinned;
    const before = [...this.cache.copies()].map((copy) => (unpins(copy) ? { ...copy, pinned: false } : copy));
    const now = { monotonicMs: this.clock.monotonicMs(), wallMs: this.clock.wallMs() };
    this.#evicted.clear();
    const effects = this.cache.step(event, now);
    this.effects.push(...effects);
    for (const effect of effects) this.#perform(effect, before);
    this.#checkBooks(effects.some(({ kind }) => kind === 'start-load'));
    return effects;
  }

  stateOf(name: string): string | undefined {
    return this.cache.copy(modelKey(name))?.state.kind;
  }

  /** Names of the models that serve, sorted. */
  serving(): string[] {
    return [...this.cache.copies()]
      .filter(({ state }) => state.kind === 'active' || state.kind === 'sizing')
      .map(({ model }) => model as string)
      .sort();
  }

  outcomesOf(name: string): string[] {
    return this.woken
      .filter(({ model }) => model === name)
      .map(({ outcome }) => (outcome.kind === 'refused' ? outcome.refusal.kind : outcome.kind));
  }

  victims(): string[] {
    return this.decisions('evict').flatMap(({ victims }) => victims.map(({ model }) => model as string));
  }

  decisions<Kind extends CacheDecision['kind']>(kind: Kind): Extract<CacheDecision, { readonly kind: Kind }>[] {
    return this.cache
      .decisions()
      .filter((decision): decision is Extract<CacheDecision, { readonly kind: Kind }> => decision.kind === kind);
  }

  count(kind: CacheEffect['kind']): number {
    return this.effects.filter((effect) => effect.kind === kind).length;
  }

  /** The runtime answers later, unless it died meanwhile. */
  #later(delayMs: number | null, event: CacheEvent, before?: () => void): void {
    if (delayMs === null) return;
    const life = this.#runtimeLife;
    this.clock.after(durationMs(delayMs), () => {
      if (life !== this.#runtimeLife) return;
      before?.();
      this.send(event);
    });
  }

  #perform(effect: CacheEffect, before: readonly CopyView[]): void {
    const does = this.#behaviour;
    switch (effect.kind) {
      case 'predict-size':
        this.#later(does.predictMs, { kind: 'predicted', ...about(effect), predicted: does.predict(effect.model) });
        return;
      case 'claim':
        this.#answerClaim(effect);
        return;
      case 'start-load':
        this.#load(effect.model, effect.copy);
        return;
      case 'size-model':
        this.#later(does.sizeMs, { kind: 'sized', ...about(effect), measured: this.#measure(effect.model) });
        return;
      case 'begin-draining':
        this.#later(does.drainMs(effect.model), { kind: 'in-flight-zero', slot: effect.slot });
        return;
      case 'copy-lost':
        this.#freeLater(effect.slot);
        return;
      case 'start-unload':
        this.#unload(effect.model, effect.copy);
        return;
      case 'wake-waiters':
        this.#wake(effect.model, effect.outcome);
        return;
      case 'serving':
        this.#used.delete(effect.slot.index);
        this.#calls.delete(effect.slot.index);
        return;
      case 'decided':
        this.#checkDecision(effect.decision, before);
        return;
      case 'gone':
        // Given up: what the runtime may still hold was written off, and another load is sound.
        if (this.#resident.get(effect.model) === effect.copy) this.#resident.delete(effect.model);
        return;
      case 'set-timer':
        this.#arm(effect.timer, effect.delayMs);
        return;
      case 'cancel-timer':
        this.#timers.get(effect.timer)?.();
        this.#timers.delete(effect.timer);
        return;
      case 'recycle-runtime':
        this.clock.after(durationMs(0), () => this.crash());
        return;
      default:
        return;
    }
  }

  #arm(timer: number, delayMs: DurationMs): void {
    const armed = this.clock.after(delayMs, () => {
      this.#timers.delete(timer);
      this.send({ kind: 'timer', timer });
    });
    this.#timers.set(timer, () => armed.cancel());
  }

  #freeLater(slot: Slot): void {
    this.clock.after(durationMs(1), () => this.send({ kind: 'in-flight-zero', slot }));
  }

  #answerClaim(effect: Extract<CacheEffect, { kind: 'claim' }>): void {
    const lost = this.#behaviour.claimLost(effect.model);
    const answer = lost
      ? ({ kind: 'claim-lost', message: 'another instance was first' } as const)
      : ({ kind: 'claimed' } as const);
    this.clock.after(durationMs(this.#behaviour.claimMs), () => this.send({ ...answer, ...about(effect) }));
  }

  #load(model: ModelKey, copy: CopyId): void {
    assert.ok(!this.#resident.has(model), `${model} is loaded while the runtime still holds it`);
    this.#resident.set(model, copy);
    const loadMs = this.#behaviour.loadMs(model);
    this.#later(0, { kind: 'load-started', model, copy });
    const message = this.#behaviour.loadFails(model);
    if (message === null) this.#later(loadMs, { kind: 'load-succeeded', model, copy, measured: this.#measure(model) });
    else this.#later(loadMs, { kind: 'load-failed', model, copy, message });
  }

  #measure(model: ModelKey): Bytes | null {
    const measured = this.#behaviour.measured(model);
    const booked = this.cache.copy(model)?.units ?? 0;
    if (measured !== null && unitsForBytes(measured) > booked) this.surprised = true;
    return measured;
  }

  #unload(model: ModelKey, copy: CopyId): void {
    if (this.#behaviour.unloadFails(model)) {
      this.#later(this.#behaviour.unloadMs, { kind: 'unload-failed', model, copy, message: 'busy' });
      return;
    }
    this.#later(this.#behaviour.unloadMs, { kind: 'unload-succeeded', model, copy }, () => {
      if (this.#resident.get(model) === copy) this.#resident.delete(model);
    });
  }

  #wake(model: ModelKey, outcome: WakeOutcome): void {
    const waiters = this.#waiters.get(model) ?? 0;
    assert.ok(waiters > 0, `${model} is woken but nobody waits: ${outcome.kind}`);
    this.#waiters.delete(model);
    this.woken.push({ model, outcome, waiters, atMs: this.nowMs });
  }

  /** What the runtime may hold, copy by copy, is what the buffer says in sum, and never more than there is. */
  #checkBooks(started: boolean): void {
    const summary = this.cache.summary();
    if (summary.phase !== 'ready') return;
    let resident = 0;
    for (const { state, units } of this.cache.copies()) {
      const claimed = state.kind !== 'predicting' && state.kind !== 'queued' && state.kind !== 'waiting-for-space';
      if (claimed) resident += units;
    }
    assert.equal(summary.bookedUnits, resident, 'the buffer and the copies disagree');
    this.overbookedUnitsMax = Math.max(this.overbookedUnitsMax, resident - summary.capacityUnits);
    // Even while memory is overdrawn by a surprise no load starts before there is room for it and for the next surprise.
    const headroom = started ? surpriseHeadroom(sizeUnits(summary.capacityUnits - summary.effectiveUnits)) : 0;
    if (!this.surprised || started)
      assert.ok(resident + headroom <= summary.capacityUnits, `${resident} units booked of ${summary.capacityUnits}`);
    if (!this.surprised) assert.equal(summary.overdraftUnits, 0);
  }

  #checkDecision(decision: CacheDecision, before: readonly CopyView[]): void {
    if (decision.kind !== 'evict') return;
    const allButLast = decision.victims.slice(0, -1).reduce((sum, { units }) => sum + units, 0);
    assert.ok(decision.victims.length > 0);
    assert.ok(
      allButLast < Math.max(1, decision.neededUnits),
      `evicted ${allButLast} units and one more for ${decision.neededUnits}`,
    );
    for (const { model } of decision.victims) this.#evicted.add(model);
    // A load that failed in this step is a remembered failure of one unit, which no pin protects.
    const pinned = new Set(decision.victims.filter(({ units }) => units > 1).map(({ model }) => model));
    for (const copy of before) {
      if (pinned.has(copy.model))
        assert.ok(!copy.pinned || copy.state.kind === 'failed', `${copy.model} is pinned and was evicted`);
    }
    if (this.#policy.isByLastUse) this.#checkOldestWent(decision, before);
    else checkLowestWent(decision);
  }

  #checkOldestWent(decision: Extract<CacheDecision, { kind: 'evict' }>, before: readonly CopyView[]): void {
    const ordinary = decision.victims.filter(({ awaited }) => !awaited);
    const youngest = Math.max(...ordinary.map(({ lastUsedMs }) => lastUsedMs));
    for (const copy of before) {
      if (this.#evicted.has(copy.model) || copy.model === decision.model || !isOrdinary(copy)) continue;
      const after = this.cache.copy(copy.model);
      if (after?.copy !== copy.copy || ON_THE_WAY_OUT.has(after.state.kind)) continue; // It went for another reason.
      assert.ok(after.lastUsedMs >= youngest, `${copy.model} was used before a victim and stayed`);
    }
  }
}

/** Victims that nobody waits for go by their scores, and who was spared has none below theirs. */
function checkLowestWent({ victims, spared }: Extract<CacheDecision, { kind: 'evict' }>): void {
  const ordinary = [...victims, ...(spared === null ? [] : [spared])].filter(({ awaited }) => !awaited);
  const scores = ordinary.map(({ rank }) => (rank.policy === 'cost-aware' ? rank.score : 0));
  assert.deepEqual(
    scores,
    scores.toSorted((a, b) => a - b),
  );
}

const about = (effect: { readonly model: ModelKey; readonly copy: CopyId }): { model: ModelKey; copy: CopyId } => ({
  model: effect.model,
  copy: effect.copy,
});

const ON_THE_WAY_OUT: ReadonlySet<string> = new Set(['draining', 'settling', 'unloading', 'unload-retry']);

/** Copies that hold a booking and that nobody waits for. */
function isOrdinary({ state, pinned, awaited, units }: CopyView): boolean {
  return !ON_THE_WAY_OUT.has(state.kind) && !awaited && units > sizeUnits(0) && (!pinned || state.kind === 'failed');
}

/** Units of a number of bytes, for tests that speak in MiB. */
export const unitsOf = (count: number): SizeUnits => unitsForBytes(mib(count));
