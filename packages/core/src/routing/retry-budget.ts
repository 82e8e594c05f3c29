/**
 * Repetitions may add at most a fifth to a model's calls, so that a failing model is not also a flooded one. A token bucket as a value:
 * every call earns 0.2 tokens, every charged repetition takes one. It starts full, so that a model with few calls can be saved too.
 */

/** Tokens of one model; immutable. */
export interface RetryBudget {
  readonly tokens: number;
}

/** Share of a model's calls that may be repeated. */
export const RETRY_SHARE = 0.2;
/** Tokens that can be saved up: the longest burst of repetitions, as when the runtime ends under this many calls. */
export const RETRY_TOKENS_MAX = 100;

/** The budget of a model that was not called yet. */
export const FULL_RETRY_BUDGET: RetryBudget = Object.freeze({ tokens: RETRY_TOKENS_MAX });

/** A call arrived (not a repetition). */
export const earn = (budget: RetryBudget): RetryBudget => ({ tokens: Math.min(RETRY_TOKENS_MAX, budget.tokens + RETRY_SHARE) });

/** A repetition can be paid. */
export const hasToken = (budget: RetryBudget): boolean => budget.tokens >= 1;

/** Pays one repetition. The balance never falls below 0. */
export const spend = (budget: RetryBudget): RetryBudget => ({ tokens: Math.max(0, budget.tokens - 1) });
