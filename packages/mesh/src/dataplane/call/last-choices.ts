import type { EpochMs } from '@modelmesh/core';
import type { MadeChoice } from '@modelmesh/core/routing';
import type { CallChoice, ChoiceQuery } from '../../link/index.ts';
import type { CallPlan } from './call-plan.ts';

/** Choices of one worker that are kept; each further one takes the place of the oldest. */
export const CHOICES_KEPT_MAX = 1000;

/**
 * Which copies the last calls were sent to, where several could have answered: every call of such a model adds one, so that nothing is told, put
 * into words or copied until somebody asks.
 */
export class LastChoices {
  readonly #kept: CallChoice[] = [];
  #made = 0;

  /** A call was answered at once by the copy that was chosen for it. */
  add({ origin, method, model, endpoint }: CallPlan, { because, considered }: MadeChoice, atMs: EpochMs): void {
    const place = this.#made % CHOICES_KEPT_MAX;
    this.#made += 1;
    const called = { requestId: origin.requestId, method, model, endpoint: endpoint?.id ?? null };
    this.#kept[place] = { number: this.#made, atMs, ...called, because, considered };
  }

  /** Those that fit, newest first, at most `limit`. */
  find({ model, requestId }: ChoiceQuery, limit: number): readonly CallChoice[] {
    const found: CallChoice[] = [];
    for (let back = 1; back <= this.#kept.length && found.length < limit; back++) {
      const choice = this.#kept[(this.#made - back) % CHOICES_KEPT_MAX];
      if (choice === undefined || (model !== null && choice.model !== model)) continue;
      if (requestId === null || choice.requestId === requestId) found.push(choice);
    }
    return found;
  }
}
