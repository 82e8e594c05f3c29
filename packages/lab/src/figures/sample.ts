/** The middle of a sample, the mean of both middles of an even one. @throws {RangeError} for an empty sample. */
export function median(sample: readonly number[]): number {
  return (quantile(sample, 0.5, 'lower') + quantile(sample, 0.5, 'upper')) / 2;
}

/** The value that the share `q` of a sample does not exceed. @throws {RangeError} for an empty sample. */
export function quantile(sample: readonly number[], q: number, side: 'lower' | 'upper' = 'lower'): number {
  const sorted = [...sample].sort((a, b) => a - b);
  const rank = side === 'lower' ? Math.ceil(q * sorted.length) - 1 : Math.floor(q * sorted.length);
  const value = sorted[Math.min(sorted.length - 1, Math.max(0, rank))];
  if (value === undefined) throw new RangeError('a quantile of an empty sample');
  return value;
}

/** Median of a sample with its extremes, so that whoever reads it sees how much it scatters. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly runs: number;
}

/** What a sample of runs says. */
export const spreadOf = (sample: readonly number[]): Spread => ({
  median: median(sample),
  min: Math.min(...sample),
  max: Math.max(...sample),
  runs: sample.length,
});

/** Quotients of pairs that were measured next to each other: what both share, such as a busy machine, cancels. */
export const pairedRatios = (numerators: readonly number[], denominators: readonly number[]): readonly number[] =>
  numerators.flatMap((numerator, at) => {
    const denominator = denominators[at];
    return denominator === undefined || denominator === 0 ? [] : [numerator / denominator];
  });
