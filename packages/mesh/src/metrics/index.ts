/** The door of the room: what is measured, and the page that shows it. */
export type { Figures } from './gauges.ts';
export { METHODS_MAX } from './method-labels.ts';
export { createMetrics, METRIC_NAMES, type NodeMetrics, noMetrics } from './metrics.ts';
export { metricsReference } from './reference.ts';
export { METRICS_CONTENT_TYPE } from './render.ts';
