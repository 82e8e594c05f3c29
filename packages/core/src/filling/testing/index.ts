/** For suites: instances and candidates in words, and a cluster whose free room is filled for hours of virtual time. */
export { aCandidate, aNode, HOUR, MINUTE, NOW } from './small-room.ts';
export { VirtualCluster } from './virtual-cluster.ts';
