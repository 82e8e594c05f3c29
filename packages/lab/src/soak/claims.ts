import { judged, mebibytes, type Table } from '../figures/index.ts';
import type { SoakFigures } from './soak.ts';
import type { Trend } from './trend.ts';

/** By how much memory may grow over the last half of a run, as a share of what it is, or in bytes where that is more. */
export const GROWTH_SHARE_MAX = 0.05;
export const GROWTH_BYTES_MAX = 8 * 1_048_576;

/** Whether a trend is flat: what is left of its slope is noise. */
export const isFlat = ({ level, growth }: Trend): boolean => growth <= Math.max(GROWTH_BYTES_MAX, GROWTH_SHARE_MAX * level);

/** Whether all memory was flat in a run. */
export const allFlat = ({ resident, heap, external }: SoakFigures): boolean => [resident, heap, external].every(isFlat);

/** The figures and the claim. */
export function soakTable(figures: SoakFigures): Table {
  const { unary, streams, streamedBytes, cancelled, cold } = figures.counts;
  const row = (name: string, trend: Trend): Table['rows'][number] => [
    name,
    mebibytes(trend.level),
    judged(mebibytes(trend.growth), isFlat(trend)),
  ];
  return {
    title: `${figures.minutes.toFixed(1)} min: ${unary} unary calls, ${streams} streams of ${mebibytes(streamedBytes)}, ${cancelled} cancelled, ${cold} cold with ${figures.loads} loads`,
    columns: ['', 'last half', 'grew in it'],
    rows: [
      row('resident', figures.resident),
      row('heap, lowest of four', figures.heap),
      row('external, lowest of four', figures.external),
    ],
  };
}
