/** The door of the room: what is worth loading although nobody waits for it. */
export { FAILURES_MAX, type FillCandidate, type FillReason, mayRebalance, REBALANCE_FREE_SHARE_MIN } from './candidate.ts';
export { FILL_REST_MAX_MS, FILL_REST_MS, FILLED_MODELS_MAX, FillMemory } from './fill-memory.ts';
export {
  clusterBudget,
  EVICTED_PERIOD_MS,
  EVICTED_SHARE_MAX,
  FILLED_SHARE_PER_RUN,
  type FillBudget,
  type FillNode,
  LEADER_SHARE,
  LOADS_PER_THREAD_MAX,
  LOADS_UNDER_WAY_PER_THREAD,
  PLANNED_LOADS_MAX,
  partOfBudget,
  ROOM_LEFT_SHARE,
  roomToFill,
  type Spent,
  typicalUnits,
} from './fill-node.ts';
export { FillScan, type IsResting, type ScanView, TYPE_GROUPS_MAX, worthPerUnit } from './fill-scan.ts';
export {
  FILL_FIRST_ALONE_MS,
  FILL_FORGOTTEN_MS,
  FILL_PERIOD_MS,
  FILL_RESERVED_MS,
  Filler,
  type FillRole,
  type FillRun,
  type FillSituation,
} from './filler.ts';
export { FRESH_BELOW_SHARE, FRESH_MS_MAX, FRESH_SHARE_MIN, FreshNodes, fairShareUnits } from './fresh-nodes.ts';
export { EVICT_LATER_MIN_MS, EVICT_MARGIN, type FillLoad, type FillPlan, type NotPlanned, type PlanView } from './plan.ts';
export { evictedCopyOf, type KnownCopy, offersOf, type ProposalView, secondCopyOf } from './proposals.ts';
export { coldMsSaved, type Demand, HORIZON_MS, probabilityNeeded, SECOND_COPY_SHARE, victimWorthPerUnit } from './worth.ts';
