import type { DurationMs } from '@modelmesh/core';
import type { CallFacts } from '@modelmesh/core/routing';
import { isCopyBesides, isElsewhere, mayBeLoading } from './alternatives.ts';
import type { Attempt } from './attempt.ts';
import type { AttemptLog } from './attempt-log.ts';
import type { CallPlan } from './call-plan.ts';
import { PeerAttempt } from './peer-attempt.ts';
import type { Plane } from './plane.ts';
import type { RequestBody } from './request-body.ts';

/** A call, as far as it matters for repeating it. */
interface RepeatableCall {
  readonly plan: CallPlan;
  readonly body: RequestBody;
  /** The caller has something of the answer. */
  readonly answered: boolean;
  readonly remainingMs: DurationMs | null;
}

/** What decides whether a call may be repeated. @param elsewhere whether there is another copy, or an instance that could load one */
export function repeatFacts({ routes, retryBudgets }: Plane, call: RepeatableCall, elsewhere: boolean): CallFacts {
  const { model, callRetry } = call.plan;
  return {
    replayable: call.body.replayable,
    responseForwarded: call.answered,
    modelRetry: routes.model(model)?.retry ?? 'safe',
    callRetry,
    remainingMs: call.remainingMs,
    elsewhere,
    budgetLeft: retryBudgets.hasToken(model),
  };
}

/** The same while an attempt runs. A peer that may still be loading is only left for another copy. */
export function factsBesides(plane: Plane, call: RepeatableCall, log: AttemptLog, attempt: Attempt): CallFacts {
  const { instance } = attempt;
  const isLoading = attempt instanceof PeerAttempt && mayBeLoading(plane, call.plan.model, attempt);
  const elsewhere = isLoading ? isCopyBesides(plane, call.plan.model, log, instance) : isElsewhere(plane, log, instance);
  return repeatFacts(plane, call, elsewhere);
}
