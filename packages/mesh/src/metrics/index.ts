/** The door of the room: what is measured, and the page that shows it. */
export type { Figures, PortFigures, StrategyFigures } from './gauges.ts';
export { http2Reference } from './http2-limits.ts';
export { METHODS_MAX } from './method-labels.ts';
export {
  allOf,
  createMetrics,
  createWorkerMetrics,
  METRIC_NAMES,
  type Measurements,
  type NodeMetrics,
  noMetrics,
  type WorkerMetrics,
} from './metrics.ts';
export { metricsReference } from './reference.ts';
export { METRICS_CONTENT_TYPE } from './render.ts';
export { countedIn, type MetricsSnapshot, sumOf } from './snapshot.ts';
export { createStatsD } from './statsd-metrics.ts';
export type { WorkerFigures } from './worker-metrics.ts';
