/** `field.md` §4.9, item 3: loading one model must not evict nearly all others in the same instant. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Bytes, sizeUnits } from '../index.ts';
import { SeededRandom } from '../testing/index.ts';
import { CACHE_POLICY_NAMES, type CachePolicyName, createCachePolicy } from './index.ts';
import { CacheRig, mib } from './testing/index.ts';

const SMALL = Array.from({ length: 120 }, (_, at) => `small-${at}`);
/** Between 4 and 12 MiB, the same for each name. */
const smallMib = (model: string): number => 4 + ((Number(model.slice('small-'.length)) * 7) % 9);

interface Newcomer {
  readonly predicted: Bytes;
  readonly measured: Bytes;
}

/** A cache of 1 GiB that is full of small models, last used in an order by chance. */
function fullOfSmallOnes(policy: CachePolicyName, newcomer: Newcomer): CacheRig {
  const isSmall = (model: string): boolean => model.startsWith('small-');
  const rig = new CacheRig(
    {
      predict: (model) => (isSmall(model) ? mib(smallMib(model)) : newcomer.predicted),
      measured: (model) => (isSmall(model) ? mib(smallMib(model)) : newcomer.measured),
    },
    {},
    createCachePolicy(policy),
  );
  rig.ready(mib(1024));
  for (const model of SMALL) {
    rig.request(model);
    rig.clock.advance(200);
  }
  const random = new SeededRandom(455, 'uses');
  for (let use = 0; use < 600; use += 1) {
    rig.clock.advance(100);
    rig.use(SMALL[random.below(SMALL.length)] ?? 'small-0');
  }
  return rig;
}

/** What the decisions since `from` freed and needed, in MiB, and who went. */
function evictionsOf(
  rig: CacheRig,
  from: number,
): readonly { neededMib: number; freedMib: number; lastMib: number; victims: number }[] {
  return rig
    .decisions('evict')
    .slice(from)
    .map(({ neededUnits, victims }) => {
      const freed = victims.reduce((sum, { units }) => sum + units, 0);
      const toMib = (units: number): number => units / 128;
      return {
        neededMib: toMib(neededUnits),
        freedMib: toMib(freed),
        lastMib: toMib(victims.at(-1)?.units ?? sizeUnits(0)),
        victims: victims.length,
      };
    });
}

for (const policy of CACHE_POLICY_NAMES) {
  test(`field §4.9 item 3, ${policy}: a load evicts what it needs and no more than one model beyond`, (context) => {
    for (const size of [5, 50, 200]) {
      const rig = fullOfSmallOnes(policy, { predicted: mib(size), measured: mib(size) });
      const [servingBefore, decided] = [rig.serving().length, rig.decisions('evict').length];
      rig.request('new');
      rig.clock.runAll();
      const evictions = evictionsOf(rig, decided);
      const gone = servingBefore + 1 - rig.serving().length;
      context.diagnostic(`${size} MiB into a full cache of ${servingBefore}: ${gone} evicted, ${JSON.stringify(evictions)}`);
      assert.equal(rig.stateOf('new'), 'active');
      for (const { neededMib, freedMib, lastMib } of evictions) {
        assert.ok(freedMib >= neededMib);
        assert.ok(freedMib - lastMib < neededMib, 'without the last one it would not have been enough');
      }
      const freedMib = evictions.reduce((sum, eviction) => sum + eviction.freedMib, 0);
      assert.ok(freedMib < size + 12, `${freedMib} MiB went for ${size}: never the size and one model more`);
      assert.equal(
        evictions.reduce((sum, { victims }) => sum + victims, 0),
        gone,
      );
    }
  });

  test(`field §4.9 item 3, ${policy}: one that turns out twenty times as large evicts the difference, once`, (context) => {
    const rig = fullOfSmallOnes(policy, { predicted: mib(10), measured: mib(200) });
    const decided = rig.decisions('evict').length;
    rig.request('new');
    rig.clock.runAll();
    const evictions = evictionsOf(rig, decided);
    context.diagnostic(JSON.stringify(evictions));
    const freedMib = evictions.reduce((sum, eviction) => sum + eviction.freedMib, 0);
    assert.ok(freedMib < 200 + 2 * 12, `${freedMib} MiB: the size, and one model more for each of two decisions`);
    assert.equal(rig.stateOf('new'), 'active');
    assert.equal(rig.cache.summary().overdraftUnits, 0);
  });

  test(`field §4.9 item 3, ${policy}: while all that was evicted still unloads, further loads evict no more for the same room`, () => {
    const rig = fullOfSmallOnes(policy, { predicted: mib(40), measured: mib(40) });
    const decided = rig.decisions('evict').length;
    for (const model of ['new-1', 'new-2', 'new-3']) rig.request(model);
    rig.clock.runAll();
    const freedMib = evictionsOf(rig, decided).reduce((sum, eviction) => sum + eviction.freedMib, 0);
    assert.ok(freedMib < 3 * 40 + 3 * 12, `${freedMib} MiB went for three loads of 40`);
    for (const model of ['new-1', 'new-2', 'new-3']) assert.equal(rig.stateOf(model), 'active');
  });
}
