import { digits, judged, type Table } from '../../figures/index.ts';
import { WAY_TITLES, type WayName } from '../ways/index.ts';
import { type CellFigures, type Measure, ratioName } from './measure.ts';

/** What a ratio shall be: at most, or at least, a number. */
export interface Aim {
  readonly cell: string;
  readonly measure: Measure;
  readonly of: WayName;
  readonly to: WayName;
  readonly most?: number;
  readonly least?: number;
}

/** What the data plane promises, in ratios within one run. */
export const AIMS: readonly Aim[] = [
  { cell: '256 B, 4×8, identical', measure: 'cpuUs', of: 'h2', to: 'envoy', most: 1 / 3 },
  { cell: '256 B, 4×8, identical', measure: 'cpuUs', of: 'h2', to: 'nginx', most: 0.4 },
  { cell: '256 B, 4×8, unique', measure: 'cpuUs', of: 'h2', to: 'envoy', most: 0.45 },
  { cell: '256 B, 1×1, identical', measure: 'cpuUs', of: 'h2', to: 'envoy', most: 0.5 },
  { cell: '256 B, 1×1, identical', measure: 'cpuUs', of: 'h2', to: 'nginx', most: 1.25 },
  { cell: '64 KiB, 4×8, identical', measure: 'cpuUs', of: 'h2', to: 'nginx', most: 0.85 },
  { cell: '1 MiB, 4×8, identical', measure: 'cpuUs', of: 'h2', to: 'nginx', most: 1 },
  { cell: '256 B, 4×8, identical, TLS', measure: 'cpuUs', of: 'h2', to: 'envoy', most: 1 },
  { cell: '256 B, 4×8, identical', measure: 'cpuUs', of: 'one-hop', to: 'h2', most: 2 },
  { cell: '256 B, 4×8, identical', measure: 'perSecond', of: 'h2', to: 'tcp-proxy', least: 0.45 },
  { cell: '256 B, 4×8, identical, half load', measure: 'p99Ms', of: 'h2', to: 'envoy', most: 1.5 },
];

/** Situations that some aim is about. */
export const AIMED_CELLS: ReadonlySet<string> = new Set(AIMS.map(({ cell }) => cell));

const MEASURE_TITLES: Readonly<Record<Measure, string>> = {
  cpuUs: 'CPU a call',
  perSecond: 'calls a second',
  p50Ms: 'p50',
  p99Ms: 'p99',
};

/** An aim with what was measured; absent where it was not. */
export function judgedAims(
  cells: Readonly<Record<string, CellFigures>>,
): readonly { readonly aim: Aim; readonly median: number; readonly holds: boolean }[] {
  return AIMS.flatMap((aim) => {
    const spread = cells[aim.cell]?.ratios[ratioName(aim.measure, aim.of, aim.to)];
    if (spread === undefined) return [];
    const { median } = spread;
    return [{ aim, median, holds: median <= (aim.most ?? Number.POSITIVE_INFINITY) && median >= (aim.least ?? 0) }];
  });
}

/** A line for each aim that was measured. */
export function aimsTable(cells: Readonly<Record<string, CellFigures>>): Table {
  return {
    title: 'Aims: medians of the ratios within each round (extremes)',
    columns: ['', 'what', 'ratio of', 'to', 'measured', 'aim'],
    rows: judgedAims(cells).map(({ aim, median, holds }) => {
      const { min = 0, max = 0 } = cells[aim.cell]?.ratios[ratioName(aim.measure, aim.of, aim.to)] ?? {};
      return [
        aim.cell,
        MEASURE_TITLES[aim.measure],
        WAY_TITLES[aim.of],
        WAY_TITLES[aim.to],
        judged(`${digits(median)} (${digits(min)}–${digits(max)})`, holds),
        aim.most === undefined ? `≥ ${digits(aim.least ?? 0)}` : `≤ ${digits(aim.most)}`,
      ];
    }),
  };
}
