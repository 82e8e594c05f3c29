import { type Baselines, type Cell, digits, judged, type Table } from '../figures/index.ts';
import { boundOf, type Ratios } from './baselines.ts';
import { BEYOND_COMMIT_MAX_MS, type ColdCallFigures } from './cold-call.ts';
import { type Comparison, type HopFigures, ratioName } from './hop.ts';

/** CPU ratios by their names in the baselines. */
export const ratiosOf = ({ comparisons }: HopFigures): Ratios =>
  Object.fromEntries(comparisons.map((one) => [ratioName(one), one.cpuRatio.median]));

/** What the node adds to the runtime, a line for each way. */
export function hopTable({ driver, comparisons }: HopFigures, baselines: Baselines): Table {
  const row = (one: Comparison): readonly Cell[] => {
    const name = ratioName(one);
    const { median, min, max } = one.cpuRatio;
    return [
      name,
      digits(one.base.cpuUs, 0),
      digits(one.through.cpuUs, 0),
      judged(`${digits(median)} (${digits(min)}–${digits(max)})`, median <= boundOf(name, baselines)),
      digits(baselines[name] ?? 0),
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
