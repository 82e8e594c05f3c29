/** One step costs O(log n): a hundred times the copies may not cost even ten times the time. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, durationMs, type EpochMs, epochMs, modelKey, monotonicMs, sizeUnits } from '../index.ts';
import { SeededRandom } from '../testing/index.ts';
import {
  CACHE_POLICY_NAMES,
  type Cache,
  type CacheEffect,
  type CacheEvent,
  type CachePolicyName,
  createCache,
  createCachePolicy,
  DEFAULT_CACHE_CONFIG,
  type Slot,
} from './index.ts';

const UNITS = sizeUnits(100);

/** Answers every effect at once, so that a miss is one load, one eviction and one unload. */
class InstantShell {
  #now = 1_000_000;
  steps = 0;
  readonly #used = new Map<number, EpochMs>();
  readonly #cache: Cache;

  constructor(copies: number, policy: CachePolicyName) {
    const uses = { lastUsedMs: (slot: Slot) => this.#used.get(slot.index) ?? epochMs(0), calls: () => 0 };
    this.#cache = createCache(DEFAULT_CACHE_CONFIG, uses, createCachePolicy(policy));
    const capacityUnits = sizeUnits(Math.ceil(copies * UNITS * 1.2));
    this.send({
      kind: 'runtime-ready',
      capacityUnits,
      loadingConcurrency: 4,
      loadTimeoutMs: durationMs(1000),
      defaultSizeUnits: UNITS,
    });
    this.fill(copies);
  }

  fill(copies: number): void {
    for (let id = 0; id < copies; id += 1) this.call(id);
  }

  get copies(): number {
    return this.#cache.summary().copies;
  }

  call(id: number): void {
    this.#now += 1;
    const model = modelKey(`m${id}`);
    const state = this.#cache.copy(model)?.state;
    if (state?.kind === 'active') this.#used.set(state.slot.index, epochMs(this.#now));
    else
      this.send({
        kind: 'request',
        model,
        artifact: '',
        urgency: 'background',
        lastUsedMs: epochMs(0),
        knownUnits: UNITS,
        declaredUnits: null,
        policy: { pinned: false, idleAfterMs: null },
      });
  }

  send(event: CacheEvent): void {
    this.steps += 1;
    for (const effect of this.#cache.step(event, { monotonicMs: monotonicMs(this.#now), wallMs: epochMs(this.#now) }))
      this.#answer(effect);
  }

  #answer(effect: CacheEffect): void {
    if (effect.kind === 'claim') this.send({ kind: 'claimed', model: effect.model, copy: effect.copy });
    if (effect.kind === 'start-load')
      this.send({ kind: 'load-succeeded', model: effect.model, copy: effect.copy, measured: bytes(UNITS * 8192) });
    if (effect.kind === 'begin-draining') this.send({ kind: 'in-flight-zero', slot: effect.slot });
    if (effect.kind === 'start-unload') this.send({ kind: 'unload-succeeded', model: effect.model, copy: effect.copy });
  }
}

/** Microseconds per step over misses and uses in a Zipf-like mixture, best of three. */
function stepMicroseconds(copies: number, policy: CachePolicyName): number {
  const random = new SeededRandom(copies);
  const shell = new InstantShell(copies, policy);
  const rounds = [0, 1, 2].map(() => {
    const before = shell.steps;
    const startedMs = performance.now();
    for (let call = 0; call < 20_000; call += 1) shell.call(Math.floor(random.unit() ** 2 * copies * 2));
    return ((performance.now() - startedMs) * 1000) / Math.max(1, shell.steps - before);
  });
  return Math.min(...rounds);
}

for (const policy of CACHE_POLICY_NAMES)
  test(`${policy}: a step with 10 000 copies costs less than ten times a step with 100`, (context) => {
    stepMicroseconds(100, policy);
    const [few, many] = [stepMicroseconds(100, policy), stepMicroseconds(10_000, policy)];
    context.diagnostic(`${few.toFixed(2)} µs per step with 100 copies, ${many.toFixed(2)} µs with 10 000`);
    assert.ok(many < 10 * few, `${many} against ${few}`);
  });
