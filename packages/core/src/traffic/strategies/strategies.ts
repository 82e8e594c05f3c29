import type { StrategyPolicy } from '../../records/index.ts';
import { epsilonGreedy } from './epsilon-greedy.ts';
import { learningProblems, readLearningConfig } from './learning-config.ts';
import type { LearningConfig, LearningStrategy, Strategy, StrategyProblem } from './strategy.ts';
import { thompson } from './thompson.ts';

/** Names of the strategies that every node has. */
export type StrategyName = 'weighted' | 'sticky' | 'least-loaded' | 'epsilon-greedy' | 'thompson';

const FIXED: Strategy = { kind: 'fixed' };

/** The strategies that every node has, by their names in policies; plug-ins have others. */
export const STRATEGIES = {
  weighted: FIXED,
  // The unit decides, whoever has one; the weights for the others.
  sticky: FIXED,
  'least-loaded': { kind: 'per-call' },
  'epsilon-greedy': epsilonGreedy,
  thompson,
} as const satisfies Readonly<Record<StrategyName, Strategy>>;

/** The strategy of that name, if every node has it. */
export const builtInStrategy = (name: string): Strategy | undefined =>
  Object.hasOwn(STRATEGIES, name) ? STRATEGIES[name as StrategyName] : undefined;

/**
 * Everything that is wrong with the strategy of a policy.
 *
 * @param plugins names of the strategies that plug-ins of this node bring; their `config` is theirs to check
 */
export function strategyProblems(policy: StrategyPolicy, plugins: Iterable<string>): readonly StrategyProblem[] {
  const known = builtInStrategy(policy.name);
  const others = [...plugins];
  if (known === undefined) {
    if (others.includes(policy.name)) return [];
    return [{ path: 'name', expected: `one of ${[...Object.keys(STRATEGIES), ...others].join(', ')}` }];
  }
  if (known.kind === 'learning') return learningProblems(policy);
  return Object.keys(policy.config).map((name) => ({
    path: `config.${name}`,
    expected: `nothing: ${policy.name} has no settings`,
  }));
}

/** The strategy of a policy that learns from the calls, with its settings; `null`: another one. */
export function learningOf(
  policy: StrategyPolicy,
): { readonly strategy: LearningStrategy; readonly config: LearningConfig } | null {
  const strategy = builtInStrategy(policy.name);
  if (strategy?.kind !== 'learning') return null;
  return { strategy, config: readLearningConfig(policy, strategy.defaults) };
}

/**
 * Whether, and how, what comes of calls is counted for a policy's strategy: for those that learn, and for plug-ins, which may. A plug-in's own
 * `latencyTargetMs` counts too. `null`: nobody asks.
 */
export function countsCalls(policy: StrategyPolicy): Pick<LearningConfig, 'latencyTargetMs'> | null {
  const strategy = builtInStrategy(policy.name);
  if (strategy === undefined)
    return learningProblems(policy).some(({ path }) => path === 'config.latencyTargetMs')
      ? NO_TARGET
      : readLearningConfig(policy, PLUGIN_DEFAULTS);
  return strategy.kind === 'learning' ? readLearningConfig(policy, strategy.defaults) : null;
}

const NO_TARGET = { latencyTargetMs: null };
const PLUGIN_DEFAULTS: LearningConfig = { explore: 0, latencyTargetMs: null, callsMin: 0 };
