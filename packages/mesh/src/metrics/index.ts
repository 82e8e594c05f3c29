/** The door of the room: what is measured, and the page that shows it. */
export type { Figures } from './gauges.ts';
export { http2Reference } from './http2-limits.ts';
export { METHODS_MAX } from './method-labels.ts';
export { allOf, createMetrics, METRIC_NAMES, type Measurements, type NodeMetrics, noMetrics } from './metrics.ts';
export { metricsReference } from './reference.ts';
export { METRICS_CONTENT_TYPE } from './render.ts';
export { createStatsD } from './statsd-metrics.ts';
