import type { InstanceId } from '@modelmesh/core';
import type { DecisionBody } from '@modelmesh/core/journal';
import type { CallRecord } from '../link/index.ts';

/** What became of a call that failed or was repeated, as a decision: where it was tried, and how that ended. */
export function callDecision(record: CallRecord, instance: InstanceId): DecisionBody {
  const { atMs, requestId, method, model, endpoint, outcome, attempts } = record;
  const tried = attempts.length === 0 ? 'without an attempt' : `after ${attempts.join(', then ')}`;
  return {
    kind: 'route',
    atMs,
    model,
    instance,
    requestId,
    because: `the call of ${method} ended with ${outcome}, ${tried}`,
    details: { method, endpoint, outcome, attempts },
  };
}
