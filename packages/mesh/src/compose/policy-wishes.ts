import type { PolicyAbilities } from '@modelmesh/core/endpoints';
import type { EndpointPolicy } from '@modelmesh/core/records';
import { type CelEngine, compilePolicyExpressions, type PolicyExpressions } from '@modelmesh/core/traffic';
import { createCelEngine } from '../cel/index.ts';
import { policyExpressions } from '../dataplane/index.ts';
import type { TokenVault } from '../tokens/index.ts';

/** What plug-ins of this node bring. */
export interface PluginNames {
  readonly strategies: readonly string[];
  readonly comparers: readonly string[];
}

/** What control knows of policies: what they may ask of this node, and how its workers compile them. */
export interface PolicyWishes {
  readonly policyAbilities: PolicyAbilities;
  readonly expressionsOf: (policy: EndpointPolicy) => PolicyExpressions;
}

/** Expressions that this node's workers can run, plug-ins that it has, tokens that it has keys for. */
export function policyWishes(tokens: Pick<TokenVault, 'readiness'>, plugins: PluginNames): PolicyWishes {
  const engine = createCelEngine();
  return { policyAbilities: abilities(engine, tokens, plugins), expressionsOf: policyExpressions(engine) };
}

function abilities(engine: CelEngine, tokens: Pick<TokenVault, 'readiness'>, plugins: PluginNames): PolicyAbilities {
  return {
    expressionProblems: (policy) => {
      const result = compilePolicyExpressions(policy, { engine });
      return result.kind === 'refused' ? result.problems : [];
    },
    strategies: () => plugins.strategies,
    comparers: () => plugins.comparers,
    tokenProblem: () => (tokens.readiness.ready ? null : tokens.readiness.why),
  };
}
