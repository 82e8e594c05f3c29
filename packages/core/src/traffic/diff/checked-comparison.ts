import type { Comparison } from './comparer.ts';

const COUNTS = ['elements', 'differing', 'rows', 'flips'] as const satisfies readonly (keyof Comparison)[];

/** What a plug-in's comparer gave, if it is what sums can be made of; else what is wrong with it. */
export function comparisonProblem(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return 'it gave no comparison';
  const told: Readonly<Partial<Record<keyof Comparison, unknown>>> = value;
  if (typeof told.equal !== 'boolean') return 'equal must be a boolean';
  if (told.because !== null && typeof told.because !== 'string') return 'because must be a sentence or null';
  for (const name of COUNTS) if (!isCount(told[name])) return `${name} must be a whole number that is not negative`;
  if (!isWithin(told.largestDifference, 0, Number.MAX_VALUE)) return 'largestDifference must be a number that is not negative';
  if (told.topK !== null && !isWithin(told.topK, 0, 1)) return 'topK must be between 0 and 1, or null';
  if (told.cosine !== null && !isWithin(told.cosine, -1, 1)) return 'cosine must be between -1 and 1, or null';
  return null;
}

const isCount = (value: unknown): boolean => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
const isWithin = (value: unknown, low: number, high: number): boolean =>
  typeof value === 'number' && value >= low && value <= high;
