import type { WayName } from '../ways/index.ts';
import { allCells, type Cell } from './cell.ts';
import { type CellFigures, ratioName } from './measure.ts';

/** What CI holds against what it was: the plainest situations, beside what every operator knows. */
const BESIDE: readonly WayName[] = ['envoy', 'nginx'];
const NAMES: ReadonlySet<string> = new Set(['256 B, 4×8, identical', '256 B, 4×8, unique', '64 KiB, 4×8, identical']);

/** The situations of those ratios. */
export const BESIDE_CELLS: readonly Cell[] = allCells()
  .filter(({ name }) => NAMES.has(name))
  .map((cell) => ({ ...cell, ways: ['h2', ...BESIDE] }));

/** Names of the ratios of a situation in the baselines, with their values where they were measured. */
export function besideRatios(cells: Readonly<Record<string, CellFigures>>): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(cells).flatMap(([name, { ratios }]) =>
      BESIDE.flatMap((way) => {
        const spread = ratios[ratioName('cpuUs', 'h2', way)];
        return spread === undefined ? [] : [[`${name}: h2 in ${way}`, spread.median]];
      }),
    ),
  );
}
