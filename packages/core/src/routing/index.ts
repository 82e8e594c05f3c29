/** The door of the room: which copy a call goes to, and what follows an attempt that failed. */
export { causeForAnother, type VariantCause, type VariantEnd } from './another-variant.ts';
export type { AttemptHistory, AttemptTarget, CallFacts, EndedAttempt, EndOfCall, Evidence, NextAttempt } from './attempt.ts';
export { choiceText, type MadeChoice } from './choice-text.ts';
export {
  type ClaimedCopy,
  COPIES_SCANNED_MAX,
  type CopyChoice,
  type CopyLoads,
  type CopyQuestion,
  chooseCopy,
  HOP_MARGIN,
  HOT_SETTLED_AFTER_MS,
  LOCAL_IN_FLIGHT_BOUND,
  type PeerStanding,
  type ScoredCopy,
  staysLocal,
} from './choose-copy.ts';
export { knownLatencyMs, LATENCY_KEPT_MS, LATENCY_WEIGHT, type SmoothedLatency, smoothLatency } from './latency.ts';
export {
  ATTEMPTS_MAX,
  attemptTimeoutMs,
  CONNECTIONS_LOST_MAX,
  DEADLINE_SHARE_KEPT,
  EXHAUSTED_MAX,
  endWithoutAlternative,
  LOAD_FAILURES_PER_CALL_MAX,
  MODEL_LOST_MAX,
  mayAwaitHolder,
  mayBeLeft,
  nextAttempt,
} from './next-attempt.ts';
export { earn, FULL_RETRY_BUDGET, hasToken, RETRY_SHARE, RETRY_TOKENS_MAX, type RetryBudget, spend } from './retry-budget.ts';
export { meaningOf, type StatusMeaning } from './runtime-status.ts';
