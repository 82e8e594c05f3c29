import type { ModelKey } from '@modelmesh/core';
import { earn, FULL_RETRY_BUDGET, hasToken, RETRY_TOKENS_MAX, type RetryBudget, spend } from '@modelmesh/core/routing';

/** Models whose budget is not full and therefore remembered; beyond, the oldest is forgotten and counts as full. */
const REMEMBERED_MAX = 16_384;

/** The retry budget of each model in one worker. Only budgets that were drawn on take memory. */
export class RetryBudgets {
  readonly #drawn = new Map<ModelKey, RetryBudget>();

  /** A call arrived. */
  earn(model: ModelKey): void {
    const budget = this.#drawn.get(model);
    if (budget === undefined) return;
    const after = earn(budget);
    if (after.tokens >= RETRY_TOKENS_MAX) this.#drawn.delete(model);
    else this.#drawn.set(model, after);
  }

  /** Whether a repetition can be paid. */
  hasToken(model: ModelKey): boolean {
    return hasToken(this.#drawn.get(model) ?? FULL_RETRY_BUDGET);
  }

  /** Pays a repetition. */
  spend(model: ModelKey): void {
    const after = spend(this.#drawn.get(model) ?? FULL_RETRY_BUDGET);
    this.#drawn.set(model, after);
    if (this.#drawn.size <= REMEMBERED_MAX) return;
    for (const oldest of this.#drawn.keys()) {
      this.#drawn.delete(oldest);
      return;
    }
  }
}
