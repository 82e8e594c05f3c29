import type { InstanceId } from '@modelmesh/core';
import type { DecisionBody, DecisionRecord } from '@modelmesh/core/journal';
import { choiceText } from '@modelmesh/core/routing';
import type { CallChoice, CallRecord } from '../../link/index.ts';

/** What became of a call that failed or was repeated, as a decision: where it was tried, and how that ended. */
export function callDecision(record: CallRecord, instance: InstanceId): DecisionBody {
  const { atMs, model, requestId, method, endpoint, outcome, attempts } = record;
  return {
    ...{ kind: 'route', atMs, model, instance, requestId, because: because(record) },
    details: { method, endpoint, outcome, attempts },
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
    details: { method, endpoint, outcome: told.outcome, attempts: told.attempts },
  };
}

function because({ method, outcome, attempts }: CallRecord): string {
  const tried = attempts.length === 0 ? 'without an attempt' : `after ${attempts.join(', then ')}`;
  return `the call of ${method} ended with ${outcome}, ${tried}`;
}
