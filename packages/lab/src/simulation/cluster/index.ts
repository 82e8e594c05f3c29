/** The door of the room: a whole cluster of production nodes in virtual time, its clients and its operators. */
export { enter } from './agenda.ts';
export type { CallEnd, SimCall } from './calls.ts';
export { Cluster, type ClusterWitness } from './cluster.ts';
export { type NodeLife, SIMULATED_CACHE } from './node-life.ts';
export type { SimNode } from './sim-node.ts';
