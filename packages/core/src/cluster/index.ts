/** The door of the room: which instances there are, and in which order they are wanted. */
export {
  type ClusterConfig,
  type ClusterInstance,
  type InstanceStanding,
  minSpaceUnits,
  SATURATED_CHURN_AGES,
} from './cluster-instance.ts';
export { ClusterView, type ExpectedLoad, type PartitionView } from './cluster-view.ts';
export { type CriterionName, compareDesirability, decidingCriterion } from './desirability.ts';
export { NO_STATS, type PartitionStats } from './partition.ts';
export { PUBLISH_ANY_CHANGE_AFTER_MS, type PublishReason, publishReason } from './publishing.ts';
export { SortedList } from './sorted-list.ts';
