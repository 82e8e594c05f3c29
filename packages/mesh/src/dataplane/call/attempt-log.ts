import type { EpochMs, InstanceId } from '@modelmesh/core';
import {
  type AttemptTarget,
  type CopyChoice,
  choiceText,
  type EndedAttempt,
  type Evidence,
  type MadeChoice,
} from '@modelmesh/core/routing';
import { reasonText } from '@modelmesh/core/traffic';
import type { PeerAttempt as ToldAttempt } from '@modelmesh/wire/status';
import type { RefusedLoad } from '../../link/index.ts';
import type { AnswerOrigin, CallPlan } from './call-plan.ts';
import { chosenPick } from './last-choices.ts';
import type { Plane } from './plane.ts';

const NOBODY: ReadonlySet<InstanceId> = new Set();

/** What was tried for one call, and what may not be tried again. Takes no memory for a call whose first attempt answers. */
export class AttemptLog {
  /** Attempts at the model that is asked now. */
  readonly ended: EndedAttempt[] = [];
  /** Whether another variant was asked before. */
  #turned = false;
  #tried: Set<InstanceId> | undefined;
  #excluded: Set<InstanceId> | undefined;
  /** Instances that were asked to load the model and did not, the claim that was known of them then, and how often that was. */
  #refusals: Map<InstanceId, { readonly sinceMs: EpochMs | null; readonly times: number }> | undefined;
  /** One for each attempt and each choice among several copies, oldest first. */
  readonly #steps: (string | MadeChoice)[] = [];

  /** Copies that were called and did not answer. An instance that has none may still load one. */
  get tried(): ReadonlySet<InstanceId> {
    return this.#tried ?? NOBODY;
  }

  /** Instances that are not asked again, for a copy or for a load. */
  get excluded(): ReadonlySet<InstanceId> {
    return this.#excluded ?? NOBODY;
  }

  /** Those of the excluded that did not load the model, once: they may have a copy by now, for somebody else. */
  get refused(): readonly RefusedLoad[] {
    return [...(this.#refusals ?? [])].flatMap(([instance, { sinceMs, times }]) => (times === 1 ? [{ instance, sinceMs }] : []));
  }

  /** The call was answered. Has one told that was repeated, and keeps which copy was chosen for one that was answered at once. */
  answered(origin: AnswerOrigin, plane: Plane): void {
    if (this.ended.length > 0 || this.#turned) {
      this.record(origin, plane, 'answered');
      return;
    }
    const chosen = this.#steps.find((step) => typeof step !== 'string');
    if (chosen !== undefined || origin.plan.choice !== undefined) plane.choices.add(origin, chosen, plane.clock.wallMs());
  }

  /** Has the call told, for explanations. */
  record({ plan, instance }: AnswerOrigin, { clock, record }: Plane, outcome: string): void {
    const { origin, method, model, endpoint, choice } = plan;
    const attempts = this.#steps.map((step) => (typeof step === 'string' ? step : choiceText(step)));
    record({
      atMs: clock.wallMs(),
      requestId: origin.requestId,
      method,
      model,
      endpoint: endpoint?.id ?? null,
      ...(choice === undefined ? {} : { pick: chosenPick(choice, instance) }),
      outcome,
      attempts,
    });
  }

  /** Another variant is asked from here on, whose model has copies of its own. */
  turnTo({ choice }: CallPlan): void {
    this.#turned = true;
    if (choice !== undefined) this.#steps.push(`variant ${choice.variant} answers instead: ${reasonText(choice.pick.reason)}`);
    this.ended.length = 0;
    this.#tried = undefined;
    this.#excluded = undefined;
    this.#refusals = undefined;
  }

  /** A copy was chosen; of note where it was chosen among several. */
  chose(choice: CopyChoice): void {
    if (choice.kind !== 'none' && choice.considered.length > 1) this.#steps.push(choice);
  }

  /** An attempt ended without an answer. `told`: what a peer said of its own attempts. */
  end(target: AttemptTarget, evidence: Evidence, told: readonly ToldAttempt[] = []): void {
    this.ended.push({ target, evidence });
    this.#steps.push(target.local ? evidence.kind : `${evidence.kind} at ${target.instance}`);
    for (const { instance, outcome, detail } of told)
      this.#steps.push(`${instance} says ${outcome}${detail === '' ? '' : `: ${detail}`}`);
  }

  /** Control found nobody else, and says why. */
  foundNobody(why: string): void {
    this.#steps.push(`nobody else: ${why}`);
  }

  /** Control found nobody, and says why; `instance` has a copy and may answer again in a moment. */
  awaits(instance: InstanceId, why: string): void {
    this.#steps.push(`nobody else: ${why}; waits for ${instance} to answer again`);
  }

  /** `instance` answers again, and may be asked. */
  readmit(instance: InstanceId): void {
    this.#tried?.delete(instance);
    this.#excluded?.delete(instance);
  }

  /** The copy at `instance` is not called again. */
  tryNoMore(instance: InstanceId): void {
    this.#tried ??= new Set();
    this.#tried.add(instance);
  }

  /** `instance` is not asked again. */
  exclude(instance: InstanceId): void {
    this.tryNoMore(instance);
    this.#excluded ??= new Set();
    this.#excluded.add(instance);
  }

  /** `instance` was asked to load the model, and did not. `sinceMs`: the claim of a copy that is known of it; `null`: none. */
  refusedBy(instance: InstanceId, sinceMs: EpochMs | null): void {
    this.#refusals ??= new Map();
    this.#refusals.set(instance, { sinceMs, times: (this.#refusals.get(instance)?.times ?? 0) + 1 });
  }
}
