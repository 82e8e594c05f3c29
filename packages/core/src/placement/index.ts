/** The door of the room: where is a copy loaded? */
export type { Candidate, ChosenBy, PlacementDecision, Rejection, RejectionReason } from './decision.ts';
export { explainPlacement, reasonText } from './explain.ts';
export { FILTERS, type Filter, type Prohibition } from './filters.ts';
export {
  BALANCING,
  BUSY_FACTORS,
  BUSY_RPM_MIN,
  FEW_MODELS,
  type Judge,
  MODELS_FACTOR,
  type Narrowed,
  type Narrowing,
  OLDEST_USE_WINDOW_MS,
  OLDEST_USE_WINDOW_SHARE,
  PREFERENCE_WINDOW_MS,
  PREFERENCE_WINDOW_SHARE,
  ROOM_SHARE,
  SHORTLISTING,
} from './narrowing.ts';
export { place } from './place.ts';
export {
  type CandidateScore,
  type PlacementRecord,
  placementRecord,
  RECORDED_PER_REASON_MAX,
  RECORDED_SHORTLIST_MAX,
  type RecordedReason,
} from './placement-record.ts';
export { affinity } from './rendezvous.ts';
export type { PlacementRequest, PlacementSituation } from './request.ts';
export { RESERVATION_MS, RESERVATIONS_MAX, Reservations } from './reservations.ts';
export {
  HOUSEKEEPING_CHANGES,
  REPLACING_MS,
  REPLACING_SURELY_MS,
  REPLICA_SET_CHANGE_MS,
  REPLICA_SETS_MAX,
  type Replacement,
  UpgradeTracker,
} from './upgrades.ts';
