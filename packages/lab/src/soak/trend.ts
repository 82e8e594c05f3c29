import { median } from '../figures/index.ts';

/** A value at an instant. */
export interface Point {
  readonly atMs: number;
  readonly value: number;
}

/** Pairs of points are compared at most so many a point, or a long run would take squares of them. */
const PARTNERS_MAX = 120;

/**
 * How much a series grows in a millisecond: the median of the slopes between its points (Theil and Sen), which single high or low points do not
 * move. @throws {RangeError} for fewer than two points
 */
export function slopeOf(points: readonly Point[]): number {
  const slopes: number[] = [];
  const step = Math.max(1, Math.floor(points.length / PARTNERS_MAX));
  for (const [at, one] of points.entries()) {
    for (let other = at + step; other < points.length; other += step) {
      const later = points[other];
      if (later !== undefined && later.atMs > one.atMs) slopes.push((later.value - one.value) / (later.atMs - one.atMs));
    }
  }
  if (slopes.length === 0) throw new RangeError('a slope needs two points');
  return median(slopes);
}

/** The lowest of each run of `count` points: what a heap holds between collections is garbage. */
export function lowest(points: readonly Point[], count: number): readonly Point[] {
  const found: Point[] = [];
  for (let at = 0; at + count <= points.length; at += count) {
    const run = points.slice(at, at + count);
    const least = run.reduce((low, point) => (point.value < low.value ? point : low));
    found.push(least);
  }
  return found;
}

/** How a series went on over its last half. */
export interface Trend {
  /** The middle of the last half. */
  readonly level: number;
  /** By how much it grew over the last half, by its slope; negative where it shrank. */
  readonly growth: number;
}

/** The trend of the last half of a series. @throws {RangeError} for fewer than four points */
export function trendOf(points: readonly Point[]): Trend {
  const half = points.slice(points.length >> 1);
  const [first, last] = [half[0], half.at(-1)];
  if (half.length < 2 || first === undefined || last === undefined) throw new RangeError('a trend needs four points');
  return { level: median(half.map(({ value }) => value)), growth: slopeOf(half) * (last.atMs - first.atMs) };
}
