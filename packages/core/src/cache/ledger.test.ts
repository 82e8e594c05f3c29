/** The memory ledger: declared → predicted → measured → high water, and what a surprise starts. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesForUnits, modelKey, type SizeUnits, unitsForBytes } from '../index.ts';
import { CACHE_POLICY_NAMES, createCachePolicy, type ModelSizes } from './index.ts';
import { CacheRig, mib } from './testing/index.ts';

const M = modelKey('m');
const UNKNOWN: ModelSizes = {
  declaredUnits: null,
  predicted: null,
  measuredUnits: null,
  highWaterUnits: null,
  bookedUnits: null,
};
const inMib = (units: SizeUnits | null): number | null => (units === null ? null : bytesForUnits(units) / 2 ** 20);

test('ledger: each stage of a size is kept and readable: declared, predicted, measured, high water; the booking follows', () => {
  const rig = new CacheRig({ predict: () => mib(30), measured: () => mib(40), loadMs: () => 20, sizeMs: 5 });
  rig.ready(mib(512));
  assert.deepEqual(rig.cache.sizes(M), UNKNOWN);
  rig.request('m', { declaredUnits: unitsForBytes(mib(20)) });
  rig.clock.advance(10);
  const loading = rig.cache.sizes(M);
  assert.deepEqual(
    [inMib(loading.declaredUnits), loading.predicted, loading.measuredUnits, inMib(loading.bookedUnits)],
    [20, mib(30), null, 30],
    'of the guesses the larger is booked',
  );
  rig.clock.advance(1000);
  const loaded = rig.cache.sizes(M);
  assert.deepEqual([inMib(loaded.measuredUnits), loaded.highWaterUnits, inMib(loaded.bookedUnits)], [40, null, 40]);
  rig.measure('m', mib(55));
  rig.measure('m', mib(45));
  const used = rig.cache.sizes(M);
  assert.deepEqual([inMib(used.measuredUnits), inMib(used.highWaterUnits), inMib(used.bookedUnits)], [40, 55, 55]);
});

test('ledger: what was measured outlives the copy, until the files change', () => {
  const rig = new CacheRig({ measured: () => mib(40) });
  rig.ready(mib(512));
  rig.request('m');
  rig.clock.advance(1000);
  rig.measure('m', mib(55));
  rig.send({ kind: 'remove', model: M });
  rig.clock.runAll();
  const gone = rig.cache.sizes(M);
  assert.deepEqual([inMib(gone.measuredUnits), inMib(gone.highWaterUnits), gone.bookedUnits], [40, 55, null]);
  rig.send({ kind: 'artifact-changed', model: M });
  assert.deepEqual(rig.cache.sizes(M), UNKNOWN);
});

/** A full cache of 1 GiB with models of 50 MiB; the last one may turn out larger. */
function full(policy: (typeof CACHE_POLICY_NAMES)[number], lastMib: number): CacheRig {
  const rig = new CacheRig({ measured: (model) => mib(model === 'last' ? lastMib : 50) }, {}, createCachePolicy(policy));
  rig.ready(mib(1024));
  for (let model = 0; model < 18; model += 1) {
    rig.request(`m${model}`);
    rig.clock.advance(200);
  }
  return rig;
}

for (const policy of CACHE_POLICY_NAMES) {
  test(`ledger, ${policy}: a load that measures more than was booked starts an eviction in the same step`, () => {
    const rig = full(policy, 200);
    rig.request('last');
    rig.clock.advance(19);
    const copy = rig.cache.copy(modelKey('last'));
    assert.ok(copy?.state.kind === 'loading');
    const before = rig.victims().length;
    const effects = rig.send({ kind: 'load-succeeded', model: copy.model, copy: copy.copy, measured: mib(200) });
    assert.equal(effects.filter(({ kind }) => kind === 'evicted').length, 3, 'three of 50 MiB for the 150 that are too much');
    assert.equal(rig.victims().length, before + 3);
    const decision = rig.decisions('evict').at(-1);
    assert.equal(decision?.cause, 'larger-than-booked');
  });

  test(`ledger, ${policy}: a copy that grows while it serves starts an eviction in the same step`, () => {
    const rig = full(policy, 50);
    const copy = rig.cache.copy(modelKey('m17'));
    assert.ok(copy?.state.kind === 'active');
    rig.surprised = true;
    const effects = rig.send({ kind: 'measured', model: copy.model, copy: copy.copy, current: mib(120), peak: mib(120) });
    const evicted = effects.filter(({ kind }) => kind === 'evicted').length;
    assert.ok(evicted >= 1 && evicted <= 2, `${evicted} went for 70 MiB`);
    rig.clock.runAll();
    const { bookedUnits, capacityUnits } = rig.cache.summary();
    assert.ok(bookedUnits <= capacityUnits);
  });
}
