import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../testing/index.ts';
import { exponentialMs, logNormal, zipf } from './chance.ts';

test("ranks by Zipf's law come in the proportions of the law", () => {
  const random = new SeededRandom(1, 'zipf');
  const rankOf = zipf(3, 1);
  const counts = [0, 0, 0];
  for (let draw = 0; draw < 11_000; draw += 1) {
    const rank = rankOf(random);
    counts[rank] = (counts[rank] ?? 0) + 1;
  }
  for (const [rank, expected] of [6000, 3000, 2000].entries()) assert.ok(Math.abs((counts[rank] ?? 0) - expected) < 250);
});

test('a log-normal number has its median, an exponential gap its mean', () => {
  const random = new SeededRandom(1, 'numbers');
  const draws = Array.from({ length: 10_001 }, () => logNormal(random, 64, 1)).toSorted((a, b) => a - b);
  assert.ok(Math.abs((draws[5000] ?? 0) - 64) < 4);
  const gaps = Array.from({ length: 10_000 }, () => exponentialMs(random, 100));
  assert.ok(Math.abs(gaps.reduce((sum, gap) => sum + gap, 0) / 10_000 - 100) < 4);
});
