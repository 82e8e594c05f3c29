import { assert, type EndpointId, type EpochMs, epochMs, type InstanceId, type ModelKey } from '@modelmesh/core';
import type { MadeChoice } from '@modelmesh/core/routing';
import type { CallChoice, ChoiceQuery, ChosenPick } from '../../link/index.ts';
import type { VariantChoice } from '../picking/index.ts';
import type { AnswerOrigin, CallPlan } from './call-plan.ts';

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
  readonly #kept: KeptChoice[] = [];
  #made = 0;

  /** A call was answered at once by the copy that was chosen for it. */
  add({ plan, instance }: AnswerOrigin, made: MadeChoice = ONLY_COPY, atMs: EpochMs): void {
    const place = this.#made % CHOICES_KEPT_MAX;
    this.#made += 1;
    let kept = this.#kept[place];
    if (kept === undefined) {
      kept = new KeptChoice();
      this.#kept[place] = kept;
    }
    kept.set(this.#made, atMs, plan, instance, made);
  }

  /** Those that fit, newest first, at most `limit`. */
  find({ model, requestId }: ChoiceQuery, limit: number): readonly CallChoice[] {
    const found: CallChoice[] = [];
    for (let back = 1; back <= this.#kept.length && found.length < limit; back++) {
      const kept = this.#kept[(this.#made - back) % CHOICES_KEPT_MAX];
      if (kept === undefined || (model !== null && kept.model !== model)) continue;
      if (requestId === null || kept.requestId === requestId) found.push(kept.told);
    }
    return found;
  }
}

/**
 * What is kept of a call. Each is used again for another call: new ones would all outlive a collection of young memory, which costs more than everything
 * else that a call through a policy does. Of the call itself nothing is held on to.
 */
class KeptChoice {
  model: ModelKey | undefined;
  requestId: string | null = null;
  #number = 0;
  #atMs = epochMs(0);
  #method = '';
  #endpoint: EndpointId | null = null;
  #choice: VariantChoice | undefined;
  #instance: InstanceId | null = null;
  #made = ONLY_COPY;

  set(number: number, atMs: EpochMs, plan: CallPlan, instance: InstanceId | null, made: MadeChoice): void {
    this.model = plan.model;
    this.requestId = plan.origin.requestId;
    this.#number = number;
    this.#atMs = atMs;
    this.#method = plan.method;
    this.#endpoint = plan.endpoint?.id ?? null;
    this.#choice = plan.choice;
    this.#instance = instance;
    this.#made = made;
  }

  /** In the form that control gets. */
  get told(): CallChoice {
    const { model, requestId } = this;
    assert(model !== undefined, 'a choice that is kept was made');
    const call = { number: this.#number, atMs: this.#atMs, requestId, method: this.#method, model, endpoint: this.#endpoint };
    const pick = this.#choice === undefined ? {} : { pick: chosenPick(this.#choice, this.#instance) };
    return { ...call, ...pick, because: this.#made.because, considered: this.#made.considered };
  }
}
