import { durationMs, MeshError, type MonotonicMs, monotonicMs } from '@modelmesh/core';
import { type CallFacts, causeForAnother, DEADLINE_SHARE_KEPT, type VariantEnd } from '@modelmesh/core/routing';
import type { Pick } from '@modelmesh/core/traffic';
import { errorMapping } from '@modelmesh/wire/status';
import type { VariantChoice } from '../picking/index.ts';
import type { CallPlan } from './call-plan.ts';
import type { Plane } from './plane.ts';
import { RequestBody } from './request-body.ts';

/** When a caller that was refused at a variant's limit may try again. */
const RETRY_AFTER_MS = durationMs(1000);

/**
 * The variants that a call through a policy is carried out by, one after the other: the one that was picked, and those that answer in its place. Counts
 * each among its variant's calls while it lasts.
 */
export class VariantTurns {
  readonly #plane: Plane;
  #tried: number[] | undefined;
  #plan: CallPlan;
  #choice: VariantChoice;
  #sinceMs: MonotonicMs;
  /** Whether the turn has begun, and whether it counts among those that run. */
  #begun = false;
  #inside = false;

  private constructor(plane: Plane, plan: CallPlan, choice: VariantChoice) {
    this.#plane = plane;
    this.#plan = plan;
    this.#choice = choice;
    this.#sinceMs = plane.clock.monotonicMs();
  }

  /** Of a call; `undefined`: no policy chose for it. */
  static of(plane: Plane, plan: CallPlan): VariantTurns | undefined {
    const { choice } = plan;
    return choice === undefined ? undefined : new VariantTurns(plane, plan, choice);
  }

  /** The variant's turn begins. @throws {MeshError} `overloaded` where as many calls as may run in it already */
  begin(): void {
    const { clock } = this.#plane;
    const { calls, pick, id } = this.#choice;
    this.#sinceMs = clock.monotonicMs();
    this.#begun = true;
    this.#inside = calls.enter(pick);
    if (this.#inside) return;
    const sentence = `variant ${JSON.stringify(pick.variant.name)} of endpoint ${JSON.stringify(id)} runs ${pick.variant.concurrencyMax} calls on this node already (its concurrency); try again later`;
    throw new MeshError('overloaded', sentence, { retryAfterMs: RETRY_AFTER_MS });
  }

  /** Its turn is over, with this gRPC code. */
  end(code: number): void {
    if (!this.#begun) return;
    this.#begun = false;
    const tookMs = durationMs(this.#plane.clock.monotonicMs() - this.#sinceMs);
    const { calls, policy } = this.#choice;
    calls.ended(code, tookMs);
    if (policy.learns) this.#plane.arms.ended(this.#choice, code, tookMs);
    if (this.#inside) calls.leave();
    this.#inside = false;
  }

  /** When the variant must have answered lest another does; `null`: when the call must. */
  dueMs(remainingMs: number | null): MonotonicMs | null {
    const { policy, pick } = this.#choice;
    const { fallback } = policy.compiled.policy;
    if (fallback === null || !fallback.on.includes('timeout')) return null;
    if (policy.compiled.instead(pick, 'timeout', this.#all(pick), policy, -1) === undefined) return null;
    const shareMs = remainingMs === null ? null : remainingMs * (1 - DEADLINE_SHARE_KEPT);
    const allowedMs = fallback.timeoutMs ?? shareMs;
    return allowedMs === null ? null : monotonicMs(this.#plane.clock.monotonicMs() + allowedMs);
  }

  /** The plan by which another variant answers; `undefined`: none may, or none is there. The turn before is over then. */
  another(facts: CallFacts, end: VariantEnd): CallPlan | undefined {
    const { forModel } = this.#plan;
    const choice = this.#choice;
    const cause = causeForAnother(facts, end);
    if (cause === null || forModel === undefined) return undefined;
    const { policy } = choice;
    const pick = policy.compiled.instead(choice.pick, cause, this.#all(choice.pick), policy, this.#plan.unitSlot ?? -1);
    if (pick === undefined) return undefined;
    this.end(codeOf(end));
    const next = policy.choiceOf(pick);
    this.#all(pick).push(pick.index);
    this.#choice = next;
    this.#plan = { ...this.#plan, model: next.model, endpoint: next, choice: next, headers: forModel.headersFor(next.model) };
    return this.#plan;
  }

  /** Places of the variants that were asked. */
  #all({ index }: Pick): number[] {
    this.#tried ??= [index];
    return this.#tried;
  }

  /** The request as another variant gets it, from its beginning. */
  bodyFor({ model, forModel }: CallPlan, before: RequestBody): RequestBody {
    const framed = forModel?.framedFor?.(model);
    if (framed === undefined) {
      before.rewind();
      return before;
    }
    before.release();
    const body = new RequestBody(this.#plane.replay, this.#plane.limits.replayBytesPerCallMax);
    for (const [at, chunk] of framed.entries()) body.push(chunk, at === framed.length - 1);
    return body;
  }
}

const DEADLINE_EXCEEDED = 4;

/** The code with which a variant ended that another one answers for. */
function codeOf(end: VariantEnd): number {
  if (end.kind === 'refused') return errorMapping(end.error).grpc;
  const { evidence } = end;
  if (evidence.kind === 'runtime-status') return evidence.code;
  if (evidence.kind === 'attempt-timeout') return DEADLINE_EXCEEDED;
  return errorMapping(evidence.kind === 'load-failed' || evidence.kind === 'refused-by-peer' ? evidence.error : 'unavailable')
    .grpc;
}
