/** What must hold for every history: the rig checks the books, single flight, waking and victims at every step; here is the rest. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytes, type DurationMs, durationMs, epochMs, modelKey, sizeUnits, UNIT_BYTES } from '../index.ts';
import type { CacheConfig, CacheEffect } from './index.ts';
import { type Behaviour, CacheRig, mib, NaiveCache, unitsOf } from './testing/index.ts';

const NAMES = Array.from({ length: 14 }, (_, id) => `m${id}`);
const CONFIG: Partial<CacheConfig> = {
  unloadAttemptsMax: 3,
  drainGraceMs: durationMs(5000),
  failureExpiryMs: durationMs(60_000),
  spaceWaitMs: durationMs(20_000),
  spaceBypassMaxMs: durationMs(2000),
};

type Act =
  | {
      readonly do: 'request';
      readonly model: string;
      readonly background: boolean;
      readonly pinned: boolean;
      readonly ageMs: number;
    }
  | { readonly do: 'use' | 'remove' | 'changed' | 'leave'; readonly model: string }
  | { readonly do: 'measure'; readonly model: string; readonly mib: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'crash' | 'recycle' };

const LONG = { minLength: 10, maxLength: 150, size: 'max' } as const;

const aName = fc.constantFrom(...NAMES);
const aRequest = fc.record({
  do: fc.constant('request' as const),
  model: aName,
  background: fc.boolean(),
  pinned: fc.nat(9).map((roll) => roll === 0),
  ageMs: fc.oneof(fc.constant(0), fc.nat(100_000)),
});
const anAct: fc.Arbitrary<Act> = fc.oneof(
  { arbitrary: aRequest, weight: 10 },
  { arbitrary: fc.record({ do: fc.constantFrom('use' as const, 'remove', 'changed', 'leave'), model: aName }), weight: 3 },
  { arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.oneof(fc.nat(50), fc.nat(5000)) }), weight: 5 },
  {
    arbitrary: fc.record({ do: fc.constant('measure' as const), model: aName, mib: fc.integer({ min: 1, max: 120 }) }),
    weight: 1,
  },
  { arbitrary: fc.record({ do: fc.constantFrom('crash' as const, 'recycle') }), weight: 1 },
);

/** Per model, so that equal events meet equal surroundings. */
interface Nature {
  readonly predictedMib: number | null;
  readonly surplusMib: number;
  readonly tellsSize: boolean;
  readonly loadMs: number | null;
  readonly fails: boolean;
  readonly unloadFails: boolean;
  readonly claimLost: boolean;
  readonly drainMs: number | null;
}

const aNature: fc.Arbitrary<Nature> = fc.record({
  predictedMib: fc.option(fc.integer({ min: 1, max: 120 }), { nil: null, freq: 5 }),
  surplusMib: fc.oneof(
    { arbitrary: fc.integer({ min: -40, max: 0 }), weight: 4 },
    { arbitrary: fc.integer({ min: 1, max: 60 }), weight: 1 },
  ),
  tellsSize: fc.boolean(),
  loadMs: fc.option(fc.nat(2000), { nil: null, freq: 8 }),
  fails: fc.nat(5).map((roll) => roll === 0),
  unloadFails: fc.nat(9).map((roll) => roll === 0),
  claimLost: fc.nat(9).map((roll) => roll === 0),
  drainMs: fc.option(fc.nat(3000), { nil: null, freq: 8 }),
});
const someNatures = fc.array(aNature, { minLength: NAMES.length, maxLength: NAMES.length });

const DOCILE: Nature = {
  predictedMib: 30,
  surplusMib: 0,
  tellsSize: true,
  loadMs: 20,
  fails: false,
  unloadFails: false,
  claimLost: false,
  drainMs: 0,
};

function behaviour(natures: readonly Nature[]): Partial<Behaviour> {
  const of = (model: string): Nature => natures[NAMES.indexOf(model)] ?? DOCILE;
  const trueMib = (model: string): number => Math.max(1, (of(model).predictedMib ?? 50) + of(model).surplusMib);
  const predicted = (model: string): number | null => of(model).predictedMib;
  return {
    predict: (model) => (predicted(model) === null ? null : mib(predicted(model) ?? 1)),
    measured: (model) => (of(model).tellsSize ? mib(trueMib(model)) : null),
    loadMs: (model) => of(model).loadMs,
    loadFails: (model) => (of(model).fails ? 'broken' : null),
    unloadFails: (model) => of(model).unloadFails,
    claimLost: (model) => of(model).claimLost,
    drainMs: (model) => of(model).drainMs,
  };
}

function perform(rig: CacheRig, act: Act): void {
  switch (act.do) {
    case 'request': {
      const lastUsedMs = act.ageMs === 0 ? epochMs(0) : epochMs(rig.clock.wallMs() - act.ageMs);
      const policy = { pinned: act.pinned, idleAfterMs: null };
      rig.request(act.model, { urgency: act.background ? 'background' : 'call', lastUsedMs, policy });
      break;
    }
    case 'use':
      rig.use(act.model);
      break;
    case 'remove':
      rig.send({ kind: 'remove', model: modelKey(act.model) });
      break;
    case 'changed':
      rig.send({ kind: 'artifact-changed', model: modelKey(act.model) });
      break;
    case 'leave':
      rig.leave(act.model);
      break;
    case 'measure':
      rig.measure(act.model, mib(act.mib));
      break;
    case 'wait':
      rig.clock.advance(act.ms);
      break;
    case 'crash':
      rig.crash();
      break;
    case 'recycle':
      rig.send({ kind: 'recycle', reason: 'asked for' });
      break;
  }
}

const CAPACITY = mib(256);
const RUNTIME = { loadingConcurrency: 3, defaultSize: mib(20), loadTimeoutMs: durationMs(3000) as DurationMs };

function play(natures: readonly Nature[], acts: readonly Act[]): CacheRig {
  const rig = new CacheRig(behaviour(natures), CONFIG);
  rig.ready(CAPACITY, RUNTIME);
  for (const act of acts) perform(rig, act);
  return rig;
}

test('law: whatever happens, at rest nothing is in between, every waiter was woken, and the books are the sum of what is loaded', () => {
  fc.assert(
    fc.property(someNatures, fc.array(anAct, LONG), (natures, acts) => {
      const rig = play(natures, acts);
      rig.clock.runAll();
      const kinds = new Set([...rig.cache.copies()].map(({ state }) => state.kind));
      kinds.delete('active');
      kinds.delete('failed');
      assert.deepEqual([...kinds], []);
      assert.equal(rig.waitersLeft, 0);
      const summary = rig.cache.summary();
      assert.equal(summary.bookedUnits, summary.usedUnits);
      assert.ok(summary.bookedUnits <= summary.capacityUnits || summary.pinnedUnits > summary.effectiveUnits);
    }),
    { numRuns: 150 },
  );
});

test('law: while nothing is larger than its prediction, the booking never exceeds the capacity', () => {
  const honest = someNatures.map((natures) =>
    natures.map((nature) => ({ ...nature, predictedMib: nature.predictedMib ?? 50, surplusMib: 0 })),
  );
  const acts = fc.array(
    anAct.filter((act) => act.do !== 'measure'),
    LONG,
  );
  fc.assert(
    fc.property(honest, acts, (natures, list) => {
      const rig = play(natures, list);
      rig.clock.runAll();
      assert.equal(rig.surprised, false, 'the rig checked the bound at every step only if there was no surprise');
    }),
    { numRuns: 100 },
  );
});

test('law: equal events give equal effects', () => {
  const withoutCopies = (effects: readonly CacheEffect[]): string => JSON.stringify(effects);
  fc.assert(
    fc.property(someNatures, fc.array(anAct, LONG), (natures, acts) => {
      assert.equal(withoutCopies(play(natures, acts).effects), withoutCopies(play(natures, acts).effects));
    }),
    { numRuns: 30 },
  );
});

test('law: an order that no event disturbs is exact weighted LRU, as the naive cache has it', () => {
  const step = fc.record({
    model: aName,
    units: fc.integer({ min: 1, max: 400 }),
    ageMs: fc.nat(5000),
    touch: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const rig = new CacheRig({
        measured: (model) => bytes(sizes.of(model) * UNIT_BYTES),
        loadMs: () => 0,
        unloadMs: 0,
        claimMs: 0,
      });
      const sizes = new Sizes();
      rig.ready(bytes(1000 * UNIT_BYTES), { loadingConcurrency: 2, defaultSize: bytes(10 * UNIT_BYTES) });
      const naive = new NaiveCache(rig.cache.summary().effectiveUnits);
      for (const { model, units, ageMs, touch } of steps) {
        rig.clock.advance(1);
        const usedMs = rig.clock.wallMs() - ageMs;
        const known = naive.touch(model, touch ? rig.clock.wallMs() : 0);
        if (touch) rig.use(model);
        if (known) continue;
        sizes.note(model, units);
        naive.insert(model, units, usedMs);
        rig.request(model, { urgency: 'background', lastUsedMs: epochMs(usedMs), knownUnits: sizeUnits(units) });
        rig.clock.runAll();
        assert.deepEqual(rig.serving(), naive.names());
        for (const gone of NAMES)
          if (rig.stateOf(gone) === undefined) rig.send({ kind: 'artifact-changed', model: modelKey(gone) });
      }
    }),
    { numRuns: 100 },
  );
});

class Sizes {
  readonly #units = new Map<string, number>();
  note(model: string, units: number): void {
    this.#units.set(model, units);
  }
  of(model: string): number {
    return this.#units.get(model) ?? 1;
  }
}

test('law: an eviction frees what is needed, and all but its last victim would not have been enough', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 5, maxLength: 40 }), (sizes) => {
      const rig = new CacheRig({ predict: () => null, measured: () => null });
      rig.ready(mib(512));
      sizes.forEach((size, id) => {
        rig.request(`s${id}`, { knownUnits: unitsOf(size) });
        rig.clock.advance(300);
      });
      rig.clock.runAll();
      assert.equal(rig.surprised, false);
    }),
    { numRuns: 100 },
  );
});
