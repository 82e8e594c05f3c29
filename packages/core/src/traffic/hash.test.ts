import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UnitHasher } from './index.ts';

/** Computed with another implementation of MurmurHash3 x86_128 (Python's mmh3). */
const VECTORS: readonly (readonly [salt: string, unit: string, hash: string, slot: number])[] = [
  ['', '', '88c4adec54d201b9', 5342],
  ['fraud-1', '42', 'c2844238e3b03c11', 7598],
  ['fraud-1', 'user-0000000000000001', '2b659a23a8c6a6d3', 1695],
  ['s', 'Grüße, 世界 😀', 'f5b399c6cebe6c6d', 9597],
  ['a-salt-that-is-longer-than-a-block', 'x', '0a73cff9bcaa915b', 408],
];

describe('the hash of units', () => {
  it('is the published one', () => {
    for (const [salt, unit, hash, slot] of VECTORS) {
      const hasher = new UnitHasher(salt);
      assert.deepEqual([hasher.hex(unit), hasher.slot(unit)], [hash, slot], JSON.stringify([salt, unit]));
    }
  });

  it('does not remember the unit before', () => {
    const hasher = new UnitHasher('s');
    const first = hasher.hex('one');
    hasher.hex('a unit that is much longer than sixteen bytes');
    assert.equal(hasher.hex('one'), first);
  });

  it('hashes a lone surrogate as the replacement character', () => {
    const hasher = new UnitHasher('s');
    assert.equal(hasher.hex('a\ud800b'), hasher.hex('a\ufffdb'));
  });

  it('tells salt and unit apart', () => {
    assert.notEqual(new UnitHasher('ab').hex('c'), new UnitHasher('a').hex('bc'));
  });
});
