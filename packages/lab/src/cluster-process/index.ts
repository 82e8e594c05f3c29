/** The door of the room: a mesh of real nodes on a private etcd, each a process that can be killed, stopped and started again. */
export { ClusterNode } from './cluster-node.ts';
export { ClusterProcess, type ClusterProcessOptions } from './cluster-process.ts';
