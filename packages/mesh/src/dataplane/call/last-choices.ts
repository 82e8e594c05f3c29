import type { EpochMs, InstanceId } from '@modelmesh/core';
import type { MadeChoice } from '@modelmesh/core/routing';
import type { CallChoice, ChoiceQuery, ChosenPick } from '../../link/index.ts';
import type { VariantChoice } from '../picking/index.ts';
import type { AnswerOrigin } from './call-plan.ts';

/** Choices of one worker that are kept; each further one takes the place of the oldest. */
export const CHOICES_KEPT_MAX = 1000;

/** Of a call whose copy was not chosen among several. */
const ONLY_COPY: MadeChoice = { because: 'there was no other copy to compare', considered: [] };

/** What was picked for a call, as control puts it into words. */
export const chosenPick = ({ revision, variant, pick }: VariantChoice, instance: InstanceId | null): ChosenPick => ({
  revision,
  variant,
  reason: pick.reason,
  instance,
});

/**
 * Which copies the last calls were sent to, and for calls through a policy which variant: every call of a model with several copies, and of such an endpoint, adds one, so that nothing is told, put
 * into words or copied until somebody asks.
 */
export class LastChoices {
  readonly #kept: CallChoice[] = [];
  #made = 0;

  /** A call was answered at once by the copy that was chosen for it. */
  add({ plan, instance }: AnswerOrigin, { because, considered }: MadeChoice = ONLY_COPY, atMs: EpochMs): void {
    const { origin, method, model, endpoint, choice } = plan;
    const place = this.#made % CHOICES_KEPT_MAX;
    this.#made += 1;
    this.#kept[place] = {
      number: this.#made,
      atMs,
      requestId: origin.requestId,
      method,
      model,
      endpoint: endpoint?.id ?? null,
      ...(choice === undefined ? {} : { pick: chosenPick(choice, instance) }),
      because,
      considered,
    };
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
