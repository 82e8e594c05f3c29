import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@modelmesh/core/testing';
import fc from 'fast-check';
import { CardinalityBudget, REVIEW_EVERY_MS, TAKES_PLACE_FROM } from './cardinality-budget.ts';

interface Count {
  readonly name: string | null;
  value: number;
}

/** A budget of counters, and what a page would show of them. */
function budgetOf(max: number) {
  const clock = new FakeClock();
  const shown = new Set<Count>();
  const budget = new CardinalityBudget<Count>(max, clock, {
    make: (name) => {
      const count = { name, value: 0 };
      shown.add(count);
      return count;
    },
    fold: (from, into) => {
      into.value += from.value;
      shown.delete(from);
    },
  });
  const use = (name: string): void => {
    budget.of(name).use().value += 1;
  };
  return { budget, clock, shown, use };
}

test('law: the sum over all series is what was measured, the others only grow, and so many names have series of their own', () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ use: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.record({ passMs: fc.nat(2 * REVIEW_EVERY_MS) }) },
    { weight: 1, arbitrary: fc.record({ forget: fc.nat(9) }) },
    { weight: 2, arbitrary: fc.record({ keep: fc.nat(9) }) },
    { weight: 4, arbitrary: fc.record({ useKept: fc.nat(9) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: 'max' }), fc.integer({ min: 1, max: 12 }), (steps, max) => {
      const { budget, clock, shown, use } = budgetOf(max);
      // Series that somebody holds on to, though their names may be forgotten and come back.
      const kept: ReturnType<typeof budget.of>[] = [];
      let measured = 0;
      let others = 0;
      for (const one of steps) {
        if ('use' in one) {
          use(`n${one.use}`);
          measured += 1;
        } else if ('keep' in one) kept.push(budget.of(`n${one.keep}`));
        else if ('useKept' in one) {
          const series = kept[one.useKept % Math.max(1, kept.length)];
          if (series === undefined) continue;
          series.use().value += 1;
          measured += 1;
        } else if ('passMs' in one) clock.advance(one.passMs);
        else budget.forget(`n${one.forget}`);
        const now = [...shown].find(({ name }) => name === null)?.value ?? 0;
        assert.ok(now >= others, 'a counter that falls is taken for one that began anew');
        others = now;
        assert.equal(
          [...shown].reduce((sum, { value }) => sum + value, 0),
          measured,
        );
        const own = [...shown].filter(({ name }) => name !== null);
        assert.ok(own.length <= max);
        assert.equal(new Set(own.map(({ name }) => name)).size, own.length);
        assert.equal(budget.figures.shown, own.length);
      }
    }),
    { numRuns: 300 },
  );
});

test('a name that is used more than another takes its place, at the next look, and what the other one had goes to the rest', () => {
  const { clock, shown, use } = budgetOf(1);
  for (let times = 0; times < 4; times++) use('first');
  for (let times = 0; times < 4 * TAKES_PLACE_FROM; times++) use('second');
  assert.deepEqual(
    [...shown].map(({ name, value }) => [name, value]),
    [
      ['first', 4],
      [null, 8],
    ],
    'not before somebody looked',
  );
  clock.advance(REVIEW_EVERY_MS);
  use('second');
  assert.deepEqual(
    [...shown].map(({ name, value }) => [name, value]),
    [
      [null, 12],
      ['second', 1],
    ],
  );
  for (let times = 0; times < 3; times++) use('first');
  clock.advance(REVIEW_EVERY_MS);
  use('first');
  assert.ok(
    [...shown].some(({ name }) => name === 'second'),
    'one that is used about as often does not',
  );
});
