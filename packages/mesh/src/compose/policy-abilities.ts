import type { PolicyAbilities } from '@modelmesh/core/endpoints';
import { compilePolicyExpressions } from '@modelmesh/core/traffic';
import { createCelEngine } from '../cel/index.ts';
import type { TokenVault } from '../tokens/index.ts';

/** What plug-ins of this node bring. */
export interface PluginNames {
  readonly strategies: readonly string[];
  readonly comparers: readonly string[];
}

/** What policies may ask of this node: expressions that its workers can run, plug-ins that it has, tokens that it has keys for. */
export function policyAbilities(tokens: Pick<TokenVault, 'readiness'>, plugins: PluginNames): PolicyAbilities {
  const engine = createCelEngine();
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

/** Of a node without plug-ins. */
export const NO_PLUGINS: PluginNames = { strategies: [], comparers: [] };
