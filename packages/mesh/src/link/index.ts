/** The door of the room: how control and the data plane talk, on one thread or many. */
export { allocateCounters, type CounterMemory, LATENCY_BOUNDS_MS, SLOTS_MAX, SlotCounters } from './counters.ts';
export { createInProcessLink, type InProcessLink } from './in-process.ts';
export {
  type Http2LimitLabel,
  LimitCounters,
  RULE_LIMIT_NAMES,
  type RuleLimitLabel,
  VARIANT_LIMIT_NAMES,
  type VariantLimitLabel,
  type WorkerLimitLabel,
} from './limit-counters.ts';
export type {
  ArmCount,
  CallChoice,
  CallRecord,
  ChoiceQuery,
  ChosenEndpoint,
  ChosenPick,
  ControlEnd,
  DataPlaneEnd,
  EndpointRoute,
  ErrorFacts,
  FamilyRoute,
  LocateAsk,
  Located,
  MethodRule,
  MethodRules,
  ModelRoute,
  PeerIntent,
  PeerRoute,
  PolicyRoute,
  RefusedLoad,
  RemoteCopy,
  RouteParts,
  RouteRemovals,
  RuntimeAccess,
  SlotRef,
  ToControl,
  ToDataPlane,
} from './messages.ts';
export { threadControlEnd, threadDataPlaneEnd } from './thread.ts';
export { LIMITED_VARIANTS_MAX, VariantPlaces } from './variant-places.ts';
export { WorkersLink } from './workers-link.ts';
