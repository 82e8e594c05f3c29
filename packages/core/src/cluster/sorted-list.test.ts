import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SortedList } from './sorted-list.ts';

const ascending = (a: number, b: number): number => a - b;
const aChange = fc.record({ add: fc.integer({ min: 0, max: 9 }).map((tenth) => tenth < 7), item: fc.nat(2000) });

test('law: after any history it is what sorting gives, across the splits and the ends of its blocks', () => {
  fc.assert(
    fc.property(fc.array(aChange, { maxLength: 1200, size: 'max' }), (changes) => {
      const list = new SortedList<number>(ascending);
      const plain = new Set<number>();
      for (const { add, item } of changes) {
        if (!add) assert.equal(list.delete(item), plain.delete(item));
        else if (!plain.has(item)) {
          list.add(item);
          plain.add(item);
        }
        assert.equal(list.size, plain.size);
        assert.equal(list.first(), plain.size === 0 ? undefined : Math.min(...plain));
      }
      assert.deepEqual(list.toArray(), [...plain].sort(ascending));
    }),
    { numRuns: 100 },
  );
});

test('a thousand items added in any direction are in order, and all can be taken out again', () => {
  const up = Array.from({ length: 1000 }, (_, at) => at);
  for (const items of [up, [...up].reverse(), up.map((at) => (at * 617) % 1000)]) {
    const list = new SortedList<number>(ascending);
    for (const item of items) list.add(item);
    assert.deepEqual(list.toArray(), up);
    assert.equal(list.delete(1000), false);
    for (const item of items) assert.ok(list.delete(item));
    assert.deepEqual([list.size, list.first(), list.toArray()], [0, undefined, []]);
  }
});

test('what was handed out is a copy', () => {
  const list = new SortedList<number>(ascending);
  list.add(1);
  const before = list.toArray();
  list.add(0);
  assert.deepEqual([before, list.toArray()], [[1], [0, 1]]);
});
