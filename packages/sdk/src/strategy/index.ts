/** The door of the room: strategies of plug-ins. */
export {
  defineStrategy,
  type LearnedVariant,
  type PickContext,
  type PickStrategyDefinition,
  type PickVariant,
  type StrategyPlugin,
  type StrategyVariant,
  type WeightsContext,
  type WeightsStrategyDefinition,
} from './define-strategy.ts';
