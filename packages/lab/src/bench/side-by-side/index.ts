/** The door of the room: the mesh beside nginx, Envoy, a TCP proxy and nothing at all, in the same situations. */
export { AIMED_CELLS, aimsTable, judgedAims } from './aims.ts';
export { BESIDE_CELLS, besideRatios } from './beside.ts';
export { allCells, type Cell, callsOf } from './cell.ts';
export { type CellFigures, type Measure, measureCell, ratioName, type WayFigures } from './measure.ts';
export { plotCells } from './plot.ts';
export { cpuTable, otherTables } from './report.ts';
export { type BenchListener, type BenchPlan, runBench, WARM_CALLS } from './run.ts';
export { measureStreaming, OPEN_STREAMS, type StreamingFigures, streamingTable } from './streaming.ts';
export { startWays } from './ways-of.ts';
