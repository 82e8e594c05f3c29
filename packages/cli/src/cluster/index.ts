/** The door of the room: a mesh of several processes on this machine. */
export { type ClusterOptions, clusterDown, clusterStatus, clusterUp } from './run-cluster.ts';
