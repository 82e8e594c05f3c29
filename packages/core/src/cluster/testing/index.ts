/** The door of the suites' helpers: made-up instances. */
export { anInstanceRecord, CLUSTER_CONFIG, instance, LABELS, NOW_MS, units } from './instances.ts';
