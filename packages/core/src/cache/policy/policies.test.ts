import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationMs, type EpochMs, epochMs, type ModelKey, modelKey, sizeUnits } from '../../units.ts';
import { cachePolicyContract } from './contract.ts';
import { costAware } from './cost-aware.ts';
import { CACHE_POLICY_NAMES, type CachePolicy, createCachePolicy, type RankedCopy } from './index.ts';
import { STEPS_MAX, TurnoverClock } from './turnover-clock.ts';

for (const name of CACHE_POLICY_NAMES) cachePolicyContract(name, () => createCachePolicy(name));

const CAPACITY = sizeUnits(1000);

/** A cache of one order without a machine: loads, uses and departures at instants that are given. */
class Order {
  readonly #policy: CachePolicy;
  readonly #copies = new Map<ModelKey, RankedCopy>();

  constructor(policy: CachePolicy) {
    this.#policy = policy;
  }

  load(name: string, options: { readonly atMs: number; readonly units?: number; readonly loadMs?: number }): void {
    const { atMs, units = 100, loadMs = 1000 } = options;
    const model = modelKey(name);
    const copy = { model, units: sizeUnits(units), lastUsedMs: epochMs(atMs), calls: 1, isFailure: false };
    this.#copies.set(model, copy);
    this.#policy.observe(copy);
    this.#policy.loaded({ model, units: copy.units, loadMs: durationMs(loadMs), effectiveUnits: CAPACITY }, epochMs(atMs));
  }

  use(name: string, atMs: number): void {
    const copy = this.#copies.get(modelKey(name));
    assert.ok(copy !== undefined);
    this.#copies.set(copy.model, { ...copy, lastUsedMs: epochMs(atMs), calls: copy.calls + 1 });
  }

  leave(name: string): void {
    this.#copies.delete(modelKey(name));
    this.#policy.left(modelKey(name));
  }

  /** Names in the order in which they would go. */
  order(): string[] {
    const ranked = [...this.#copies.values()].map((copy) => ({ name: String(copy.model), rank: this.#policy.rankOf(copy) }));
    return ranked.sort((a, b) => a.rank - b.rank).map(({ name }) => name);
  }
}

test('cost-aware: of two that are used alike the one goes first that costs fewer seconds a byte', () => {
  const order = new Order(costAware());
  order.load('slow', { atMs: 1000, loadMs: 9000 });
  order.load('fast', { atMs: 1000, loadMs: 1000 });
  order.load('large', { atMs: 1000, units: 400, loadMs: 2000 });
  assert.deepEqual(order.order(), ['large', 'fast', 'slow']);
});

test('cost-aware: what is used once by a scan goes before what is used again, however recent', () => {
  const order = new Order(costAware());
  order.load('again', { atMs: 1000 });
  for (let scanned = 0; scanned < 10; scanned += 1) {
    order.load(`once-${scanned}`, { atMs: 2000 + scanned * 1000 });
    order.use('again', 2500 + scanned * 1000);
  }
  order.load('last', { atMs: 20_000 });
  assert.equal(order.order().at(-1), 'again');
});

test('cost-aware: what is not used any more goes once the cache has turned over often enough', () => {
  const order = new Order(costAware());
  order.load('past', { atMs: 0 });
  for (let atMs = 0; atMs < 20_000; atMs += 500) order.use('past', atMs);
  for (let load = 0; load < 400; load += 1) {
    order.load(`new-${load}`, { atMs: 20_000 + load * 100 });
    if (load > 0) order.leave(`new-${load - 1}`);
  }
  assert.equal(order.order()[0], 'past');
});

test('cost-aware: a model that comes back is no stranger', () => {
  const order = new Order(costAware());
  order.load('known', { atMs: 1000 });
  order.leave('known');
  order.load('other', { atMs: 2000 });
  order.load('known', { atMs: 2000 });
  assert.deepEqual(order.order(), ['other', 'known']);
});

test('cost-aware: the past of models that left is bounded, and the one that left first is forgotten first', () => {
  const policy = costAware(2);
  const copyOf = (name: string, lastUsedMs: EpochMs): RankedCopy => ({
    model: modelKey(name),
    units: sizeUnits(10),
    lastUsedMs,
    calls: 0,
    isFailure: false,
  });
  for (const name of ['first', 'second', 'third']) {
    policy.observe(copyOf(name, epochMs(1)));
    policy.left(modelKey(name));
  }
  const usesOf = (name: string): number => {
    const reason = policy.explain(copyOf(name, epochMs(2)));
    assert.ok(reason.policy === 'cost-aware');
    return reason.uses;
  };
  assert.deepEqual([usesOf('first'), usesOf('second'), usesOf('third')], [0.7, 1.4, 1.4]);
});

test('the clock of turnovers tells when an instant was, and remembers a bounded number of steps', () => {
  const clock = new TurnoverClock();
  for (let step = 1; step <= STEPS_MAX * 2; step += 1) clock.advance(1 / 8, epochMs(step * 1000));
  assert.equal(clock.now, STEPS_MAX / 4);
  assert.equal(clock.at(epochMs(STEPS_MAX * 2000)), STEPS_MAX / 4);
  assert.equal(clock.at(epochMs((STEPS_MAX * 2 - 8) * 1000)), STEPS_MAX / 4 - 1);
  assert.equal(clock.at(epochMs(0)), (STEPS_MAX + 1) / 8, 'as of the oldest step that is remembered');
});
