import { MeshError } from '@modelmesh/core';
import type { EndpointPolicy } from '@modelmesh/core/records';
import { type CelEngine, compilePolicyExpressions, type PolicyExpressions } from '@modelmesh/core/traffic';

/** What compiles the expressions of policies in force. Control has compiled each before and found nothing wrong, here or at a node of another version. */
export function policyExpressions(engine: CelEngine): (policy: EndpointPolicy) => PolicyExpressions {
  return (policy) => {
    const result = compilePolicyExpressions(policy, { engine });
    if (result.kind === 'compiled') return result.expressions;
    const problems = result.problems.map(({ where, at, message }) => `${where}, character ${at + 1}: ${message}`);
    throw new MeshError('failed-precondition', `this node cannot run the policy of the endpoint: ${problems.join('; ')}`);
  };
}
