/** The door of the room: what measurements have in common: latencies, medians, tables, and files of results. */
export { contention } from './contention.ts';
export { LatencyHistogram } from './latency-histogram.ts';
export {
  type Baselines,
  currentCommit,
  type MachineFacts,
  machineFacts,
  type Results,
  readBaselines,
  readFigures,
  SUITE_LEEWAY,
  writeBaselines,
  writeResults,
} from './results.ts';
export { median, pairedRatios, quantile, type Spread, spreadOf } from './sample.ts';
export { type Cell, digits, judged, mebibytes, percent, renderTable, type Table, type Verdict } from './table.ts';
