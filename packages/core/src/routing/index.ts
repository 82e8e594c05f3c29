/** The door of the room: what follows an attempt that failed. */
export type { AttemptHistory, AttemptTarget, CallFacts, EndedAttempt, Evidence, NextAttempt } from './attempt.ts';
export {
  ATTEMPTS_MAX,
  attemptTimeoutMs,
  CONNECTIONS_LOST_MAX,
  DEADLINE_SHARE_KEPT,
  EXHAUSTED_MAX,
  LOAD_FAILURES_PER_CALL_MAX,
  MODEL_LOST_MAX,
  nextAttempt,
} from './next-attempt.ts';
export { earn, FULL_RETRY_BUDGET, hasToken, RETRY_SHARE, RETRY_TOKENS_MAX, type RetryBudget, spend } from './retry-budget.ts';
export { meaningOf, type StatusMeaning } from './runtime-status.ts';
