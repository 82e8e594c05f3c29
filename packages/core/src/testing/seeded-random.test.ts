import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SeededRandom } from './index.ts';

const draw = (random: SeededRandom, count: number): number[] => Array.from({ length: count }, () => random.unit());

test('law: equal seed and name give equal numbers, another name gives others', () => {
  fc.assert(
    fc.property(fc.integer(), fc.string(), (seed, name) => {
      assert.deepEqual(draw(new SeededRandom(seed, name), 5), draw(new SeededRandom(seed).stream(name), 5));
      assert.notDeepEqual(draw(new SeededRandom(seed, name), 5), draw(new SeededRandom(seed, `${name}'`), 5));
    }),
  );
});

test('law: below stays below, and every number is in [0, 1)', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 1 << 30 }), (seed, bound) => {
      const random = new SeededRandom(seed);
      const [whole, part] = [random.below(bound), random.unit()];
      assert.ok(Number.isInteger(whole) && whole >= 0 && whole < bound && part >= 0 && part < 1);
    }),
  );
});

test('tens of a die come up evenly, by chi-square at one in a million', () => {
  const random = new SeededRandom(1);
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i += 1) {
    const face = random.below(10);
    counts[face] = (counts[face] ?? 0) + 1;
  }
  const drawn = counts.reduce((sum, count) => sum + count, 0);
  const chiSquare = counts.reduce((sum, count) => sum + (count - drawn / 10) ** 2 / (drawn / 10), 0);
  assert.ok(drawn > 0 && chiSquare < 45, `chi-square ${chiSquare}`);
});

test('a bound that is not a positive integer is refused', () => {
  assert.throws(() => new SeededRandom(1).below(0), RangeError);
});
