/** For suites: a small cluster in words, and one that runs under a constant load. */
export { aCluster, aRecord, HOUR, MINUTE, SELF, type SmallCluster } from './small-cluster.ts';
export { type MovedCopies, runUnderLoad, type SteadyModel } from './steady-cluster.ts';
