import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { SlotRun, SplitShare } from '../records/index.ts';
import { apportion, movedSlots, SLOTS, sharesOf, slotCounts } from './index.ts';
import { SlotTable } from './slot-table.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];
const weight = fc.oneof(fc.nat(100), fc.constant(0), fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }));
const weights = fc.array(weight, { minLength: 1, maxLength: 12 });
const split: fc.Arbitrary<readonly SplitShare[]> = fc
  .subarray(NAMES, { minLength: 1 })
  .chain((names) =>
    fc
      .tuple(...names.map((variant) => weight.map((w) => ({ variant, weight: w }))))
      .map((shares): readonly SplitShare[] => shares),
  )
  .filter((shares) => shares.some((share) => share.weight > 0));
const total = (counts: Iterable<number>): number => [...counts].reduce((sum, count) => sum + count, 0);
const sharesBy = (shares: readonly SplitShare[]): ReadonlyMap<string, number> => {
  const counts = sharesOf(shares.map((share) => share.weight));
  return new Map(shares.map(({ variant }, at) => [variant, counts[at] ?? 0]));
};

describe('shares of weights', () => {
  it('law: they sum to all slots, follow the proportion, and are 0 for weight 0 alone', () => {
    fc.assert(
      fc.property(weights, (given) => {
        const shares = sharesOf(given);
        const largest = Math.max(...given);
        if (largest === 0) {
          assert.ok(shares.every((share) => share === 0));
          return;
        }
        assert.equal(total(shares), SLOTS);
        const sum = total(given.map((one) => one / largest));
        for (const [at, share] of shares.entries()) {
          const one = given[at] ?? 0;
          assert.equal(share === 0, one === 0);
          assert.ok(Math.abs(share - (one / largest / sum) * SLOTS) <= given.length, `${share} slots for ${one} of ${given}`);
        }
      }),
      { seed: 1, numRuns: 2000 },
    );
  });

  it('do not overflow', () => {
    assert.deepEqual(sharesOf([Number.MAX_VALUE, Number.MAX_VALUE]), [5000, 5000]);
    assert.deepEqual(sharesOf([1, 1, 1]), [3334, 3333, 3333]);
    assert.deepEqual(sharesOf([1e-300, 1e300]), [1, 9999]);
  });
});

describe('slots', () => {
  it('law: after any history of edits they are the shares, and an edit moves exactly half of what changed, from falling to rising shares', () => {
    fc.assert(
      fc.property(fc.array(split, { minLength: 1, maxLength: 12 }), (edits) => {
        let runs: readonly SlotRun[] = [];
        let before = new Map<string, number>();
        for (const edit of edits) {
          const next = apportion(runs, edit);
          const wanted = sharesBy(edit);
          const counts = slotCounts(next);
          assert.equal(total(counts.values()), SLOTS);
          for (const [variant, share] of wanted) assert.equal(counts.get(variant) ?? 0, share);
          if (runs.length > 0) {
            const moved = movedSlots(runs, next);
            const names = new Set([...before.keys(), ...wanted.keys()]);
            const change = total([...names].map((name) => Math.abs((wanted.get(name) ?? 0) - (before.get(name) ?? 0)))) / 2;
            assert.equal(total(moved.map(({ count }) => count)), change);
            for (const { from, to } of moved) {
              assert.ok((wanted.get(from) ?? 0) < (before.get(from) ?? 0), `${from} fell`);
              assert.ok((wanted.get(to) ?? 0) > (before.get(to) ?? 0), `${to} rose`);
            }
          }
          runs = next;
          before = new Map(wanted);
        }
      }),
      { seed: 2, numRuns: 1000 },
    );
  });

  it('of a split without any weight are none', () => {
    assert.deepEqual(apportion([], [{ variant: 'a', weight: 0 }]), []);
  });

  it('law: the table finds the owner of each slot', () => {
    fc.assert(
      fc.property(fc.array(split, { minLength: 1, maxLength: 5 }), (edits) => {
        let runs: readonly SlotRun[] = [];
        for (const edit of edits) runs = apportion(runs, edit);
        const table = new SlotTable(runs, NAMES);
        const owners = runs.flatMap(({ variant, count }) => Array.from({ length: count }, () => NAMES.indexOf(variant)));
        assert.deepEqual(
          Array.from({ length: SLOTS }, (_, slot) => table.ownerOf(slot)),
          owners,
        );
      }),
      { seed: 3, numRuns: 30 },
    );
  });

  it('whose variant is away go to the others by their shares, and come back', () => {
    const runs = apportion(
      [],
      [
        { variant: 'a', weight: 50 },
        { variant: 'b', weight: 30 },
        { variant: 'c', weight: 20 },
      ],
    );
    const table = new SlotTable(runs, ['a', 'b', 'c', 'd']);
    const counts = [0, 0, 0, 0];
    for (let slot = 0; slot < SLOTS; slot++) {
      const to = table.substituteFor(slot, (at) => at !== 0);
      counts[to] = (counts[to] ?? 0) + 1;
      // Who else comes or goes changes nothing for a slot whose substitute stays.
      if (to === 1)
        assert.equal(
          table.substituteFor(slot, (at) => at === 1),
          1,
        );
    }
    assert.equal(counts[0], 0);
    assert.equal(counts[3], 0, 'a variant without a share takes nothing over');
    assert.ok(Math.abs((counts[1] ?? 0) - 6000) < 250, `${counts}`);
  });
});
