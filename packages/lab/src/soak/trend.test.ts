import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lowest, type Point, slopeOf, trendOf } from './trend.ts';

const series = (values: readonly number[]): readonly Point[] => values.map((value, at) => ({ atMs: at * 1000, value }));

test('a slope is that of most points, whatever a few of them say', () => {
  const steady = Array.from({ length: 50 }, (_, at) => 100 + 2 * at);
  assert.equal(slopeOf(series(steady)), 2 / 1000);
  const disturbed = steady.map((value, at) => (at % 10 === 3 ? value * 50 : value));
  assert.ok(Math.abs(slopeOf(series(disturbed)) - 2 / 1000) < 1e-4);
});

test('teeth of a saw have no slope, nor have their lowest points', () => {
  const saw = series(Array.from({ length: 240 }, (_, at) => 1000 + (at % 7) * 100));
  assert.ok(Math.abs(trendOf(saw).growth) < 30);
  assert.equal(trendOf(lowest(saw, 12)).growth, 0);
});

test('what grows only in the first half is flat; what goes on growing is not', () => {
  const settles = series(Array.from({ length: 100 }, (_, at) => Math.min(at, 40)));
  assert.deepEqual(trendOf(settles), { level: 40, growth: 0 });
  const leaks = series(Array.from({ length: 100 }, (_, at) => 1000 + 10 * at));
  assert.equal(trendOf(leaks).growth, 490);
});

test('long series are compared in part, with the same slope', () => {
  assert.ok(Math.abs(slopeOf(series(Array.from({ length: 3000 }, (_, at) => 5 * at))) - 5 / 1000) < 1e-12);
});
