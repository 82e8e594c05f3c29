/** The door of the room: who chooses among variants, and what strategies that learn make of the calls. */
export { learn } from './learn.ts';
export { armsOf, nextWeights, SHARE_CHANGE_MIN, sumArms, type WeightsInput } from './next-weights.ts';
export { type CallWorth, worthOf } from './reward.ts';
export { builtInStrategy, countsCalls, learningOf, STRATEGIES, type StrategyName, strategyProblems } from './strategies.ts';
export type { LearningConfig, LearningStrategy, Strategy, StrategyProblem } from './strategy.ts';
