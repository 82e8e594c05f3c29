import { type Baselines, type Cell, digits, judged, type Table } from '../figures/index.ts';
import { BEYOND_COMMIT_MAX_MS, type ColdCallFigures } from './cold-call.ts';
import type { Comparison, HopFigures } from './hop.ts';

/** The name of a comparison's ratio in the baselines. */
export const ratioName = ({ name, bytes }: Comparison): string => `${name}, ${sizeText(bytes)}`;

const sizeText = (bytes: number): string => (bytes < 1024 ? `${bytes} B` : `${bytes / 1024} KiB`);

/** Comparisons whose CPU ratio is above its baseline; one without a baseline is among them. */
export const aboveBaseline = ({ comparisons }: HopFigures, baselines: Baselines, leeway = 1): readonly string[] =>
  comparisons.flatMap((comparison) => {
    const bound = (baselines[ratioName(comparison)] ?? 0) * leeway;
    const { median } = comparison.cpuRatio;
    return median <= bound ? [] : [`${ratioName(comparison)}: ${digits(median)} times the runtime's CPU, baseline ${bound}`];
  });

/** What the node adds to the runtime, a line for each way. */
export function hopTable({ driver, comparisons }: HopFigures, baselines: Baselines): Table {
  const row = (one: Comparison): readonly Cell[] => {
    const bound = baselines[ratioName(one)] ?? 0;
    const { median, min, max } = one.cpuRatio;
    return [
      ratioName(one),
      digits(one.base.cpuUs, 0),
      digits(one.through.cpuUs, 0),
      judged(`${digits(median)} (${digits(min)}–${digits(max)})`, median <= bound),
      digits(bound),
      digits(one.base.p50Ms),
      digits(one.through.p50Ms),
      digits(one.latencyRatio.median),
      `${digits(one.base.p99Ms)} → ${digits(one.through.p99Ms)}`,
      digits(one.through.perSecond, 0),
    ];
  };
  return {
    title: `Through the node against the runtime alone (gRPC driven by ${driver === 'h2load' ? 'h2load' : 'a driver of ours'}; CPU with 4 × 8 calls at a time, latency with one)`,
    columns: ['', 'CPU µs alone', 'through', 'ratio', 'baseline', 'p50 ms alone', 'through', 'ratio', 'p99 ms', 'calls/s'],
    rows: comparisons.map(row),
  };
}

/** Whether a cold call costs as little as it should, or at most `leeway` times more. */
export const coldHolds = ({ beyondMs, commitMs }: ColdCallFigures, leeway = 1): boolean =>
  beyondMs <= commitMs + BEYOND_COMMIT_MAX_MS * leeway;

/** The cold call and what it is made of. */
export function coldTable(figures: ColdCallFigures): Table {
  const { models, coldMs, warmMs, runtimeLoadMs, beyondMs, commitMs } = figures;
  return {
    title: `First calls of ${models} models that load in no time, one after the other`,
    columns: ['', 'ms'],
    rows: [
      ['first call', digits(coldMs)],
      ['second call', digits(warmMs)],
      ["the runtime's own load", digits(runtimeLoadMs)],
      ['one commit of the registry', digits(commitMs)],
      ['beyond second call and load', digits(beyondMs)],
      [`beyond them and one commit (aim: ${BEYOND_COMMIT_MAX_MS})`, judged(digits(beyondMs - commitMs), coldHolds(figures))],
    ],
  };
}
