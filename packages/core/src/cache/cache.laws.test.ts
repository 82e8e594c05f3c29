/** What must hold for every history: the rig checks the books, single flight, waking and victims at every step; here is the rest. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytes, epochMs, modelKey, sizeUnits, UNIT_BYTES } from '../index.ts';
import { CACHE_POLICY_NAMES } from './index.ts';
import {
  CacheRig,
  equalEventsGiveEqualEffects,
  everyHistoryComesToRest,
  honestSizesStayWithinCapacity,
  mib,
  NAMES,
  NaiveCache,
  smallSurprisesStayWithinCapacity,
  unitsOf,
} from './testing/index.ts';

const aName = fc.constantFrom(...NAMES);

for (const policy of CACHE_POLICY_NAMES) {
  test(`law, ${policy}: whatever happens, at rest nothing is in between, every waiter was woken, and the books are the sum of what is loaded`, () => {
    everyHistoryComesToRest(60, policy);
  });

  test(`law, ${policy}: while nothing is larger than its prediction, the booking never exceeds the capacity`, () => {
    honestSizesStayWithinCapacity(60, policy);
  });

  test(`law, ${policy}: while models are measured a little larger than predicted, the booking never exceeds the capacity`, () => {
    smallSurprisesStayWithinCapacity(60, policy);
  });

  test(`law, ${policy}: equal events give equal effects`, () => {
    equalEventsGiveEqualEffects(20, policy);
  });
}

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
