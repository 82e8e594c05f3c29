import type { InstanceId } from '@modelmesh/core';
import type { DecisionBody } from '@modelmesh/core/journal';
import type { CallRecord } from '../../link/index.ts';

/**
 * What became of a call as a decision: where it was tried, and how that ended. One that was answered at once by a copy chosen among several is of
 * a kind of its own, so that many of them do not push out the one that failed.
 */
export function callDecision(record: CallRecord, instance: InstanceId): DecisionBody {
  const { atMs, requestId, method, model, endpoint, outcome, attempts, onlyChosen } = record;
  const tried = attempts.length === 0 ? 'without an attempt' : `after ${attempts.join(', then ')}`;
  return {
    kind: onlyChosen ? 'choice' : 'route',
    atMs,
    model,
    instance,
    requestId,
    because: `the call of ${method} ended with ${outcome}, ${tried}`,
    details: { method, endpoint, outcome, attempts },
  };
}
