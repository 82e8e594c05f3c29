import type { InstanceId } from '@modelmesh/core';
import type { DecisionBody, DecisionRecord } from '@modelmesh/core/journal';
import { choiceText } from '@modelmesh/core/routing';
import { reasonText } from '@modelmesh/core/traffic';
import type { CallChoice, CallRecord } from '../../link/index.ts';

/** What became of a call that failed or was repeated, as a decision: where it was tried, and how that ended. */
export function callDecision(record: CallRecord, instance: InstanceId): DecisionBody {
  const { atMs, model, requestId, method, endpoint, outcome, attempts } = record;
  return {
    ...{ kind: 'route', atMs, model, instance, requestId, because: because(record) },
    details: { method, endpoint, outcome, attempts, ...pickDetails(record) },
  };
}

/**
 * The choice for a call that was answered at once, as a decision of a kind of its own: many of them do not push out the one that failed. Its number
 * is that of the data plane, which keeps it.
 */
export function choiceDecision({ number, considered, ...choice }: CallChoice, instance: InstanceId): DecisionRecord {
  const { atMs, model, requestId, method, endpoint } = choice;
  const told = { ...choice, outcome: 'answered', attempts: [choiceText({ ...choice, considered })] };
  return {
    ...{ id: number, kind: 'choice', atMs, model, models: [], instance, requestId, because: because(told) },
    details: { method, endpoint, outcome: told.outcome, attempts: told.attempts, ...pickDetails(told) },
  };
}

function because(record: CallRecord): string {
  const { method, outcome, attempts, endpoint, pick } = record;
  const tried = attempts.length === 0 ? 'without an attempt' : `after ${attempts.join(', then ')}`;
  if (pick === undefined) return `the call of ${method} ended with ${outcome}, ${tried}`;
  const chosen = `got variant ${pick.variant} of endpoint ${endpoint} (revision ${pick.revision}; why: ${reasonText(pick.reason)})`;
  return `the call of ${method} ${chosen}, and ended with ${outcome}, ${tried}`;
}

/** What the policy of an endpoint chose, for programs. */
function pickDetails({ pick, endpoint, model }: Pick<CallRecord, 'pick' | 'endpoint' | 'model'>): DecisionBody['details'] {
  if (pick === undefined) return {};
  const { revision, variant, reason, instance } = pick;
  const rule = reason.kind === 'rule' || reason.kind === 'rule-split' ? reason.rule : null;
  return { pick: { endpoint, revision, variant, rule, reason: reasonText(reason), model, instance } };
}
