/** The door of the room: the cache of one instance as a pure machine. */
export type { Cache, CacheInstant, CacheSummary, CopyUses, ModelSizes, RuntimePhase } from './cache.ts';
export { type CacheConfig, DEFAULT_CACHE_CONFIG, surpriseHeadroom, unloadReserve } from './config.ts';
export type { CopyId, CopyState, CopyView, LeaveReason, Slot } from './copy-state.ts';
export { createCache } from './create-cache.ts';
export type { CacheDecision, Candidate, EvictionCause } from './decision.ts';
export type { CacheEffect, CacheMetric, TimerPurpose } from './effect.ts';
export type { CacheEvent, CopyPolicy, RequestEvent, RuntimeReadyEvent, Urgency } from './event.ts';
export { failureExpired, failureGate, failureLifetimeMs, LOAD_FAILURES_MAX, type LoadFailure } from './failure.ts';
export { type CacheRefusal, outcomeError, refusalText, type WakeOutcome } from './outcome.ts';
export {
  CACHE_POLICY_NAMES,
  type CachePolicy,
  type CachePolicyName,
  createCachePolicy,
  PAST_MODELS_MAX,
  type RankReason,
} from './policy/index.ts';
