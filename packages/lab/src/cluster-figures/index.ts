/** The door of the room: how fast, small and right a mesh of real nodes on a real etcd is. */
export { type ClusterClaim, clusterTable, EQUAL_WITHIN_MS, RESIDENT_BYTES_MAX } from './claims.ts';
export {
  type ClusterPlan,
  FULL_CLUSTER,
  keepMeasured,
  MEASUREMENTS,
  type Measured,
  type Measurement,
  measure,
  SHORT_CLUSTER,
} from './figures.ts';
