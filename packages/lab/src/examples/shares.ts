import type { Answer } from './example-mesh.ts';

/** Standard deviations within which a count is chance: beyond it is one in 26 million, so that nobody is told of a fault that is none. */
const DEVIATIONS_MAX = 5.5;

/** Whether `count` of `total` can come of a chance of `share` for each; a share of nothing or all allows no other. */
export const isChance = (count: number, total: number, share: number): boolean =>
  Math.abs(count - total * share) <= DEVIATIONS_MAX * Math.sqrt(total * share * (1 - share));

/** How many answers each variant gave, by its name. */
export function countsOf(answers: readonly Answer[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { variant } of answers) counts.set(variant ?? 'none', (counts.get(variant ?? 'none') ?? 0) + 1);
  return counts;
}

/** `stable 3601 (90.0 %), canary 399 (10.0 %)`. */
export function countsText(counts: ReadonlyMap<string, number>): string {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return [...counts].map(([name, count]) => `${name} ${count} (${percentText(count / total)})`).join(', ');
}

/** A share as per cent. */
export const percentText = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** Whether each variant gave its share of the answers, and nobody else any. */
export function follows(counts: ReadonlyMap<string, number>, shares: Readonly<Record<string, number>>): boolean {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const names = new Set([...counts.keys(), ...Object.keys(shares)]);
  return [...names].every((name) => isChance(counts.get(name) ?? 0, total, shares[name] ?? 0));
}

/** Users whose variant is another one than before, by where they went. */
export function movesOf(before: readonly Answer[], after: readonly Answer[]): ReadonlyMap<string, number> {
  const moves = new Map<string, number>();
  for (const [at, { variant }] of after.entries()) {
    const was = before[at]?.variant;
    if (was === variant) continue;
    const move = `${was} → ${variant}`;
    moves.set(move, (moves.get(move) ?? 0) + 1);
  }
  return moves;
}

/** `a → b 602`. */
export const movesText = (moves: ReadonlyMap<string, number>): string =>
  moves.size === 0 ? 'nobody' : [...moves].map(([move, count]) => `${move} ${count}`).join(', ');
