import type { Random } from '../../random.ts';
import type { ArmFigures, SplitShare, StrategyPolicy } from '../../records/index.ts';
import { learningOf } from './strategies.ts';

/**
 * What the strategy of a policy makes of the figures. As long as a variant has too few calls all get the same share, so that none is judged by
 * chance.
 *
 * @returns `null` where the strategy does not learn
 */
export function learn(policy: StrategyPolicy, arms: readonly ArmFigures[], random: Random): readonly SplitShare[] | null {
  const learning = learningOf(policy);
  if (learning === null) return null;
  const { strategy, config } = learning;
  if (arms.some(({ calls }) => calls < config.callsMin)) return arms.map(({ variant }) => ({ variant, weight: 1 }));
  return strategy.weights(arms, config, random);
}
