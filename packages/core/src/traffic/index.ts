/** The door of the room: which variant of an endpoint a call gets. */
export { CompiledPolicy, type PolicyParts } from './compiled-policy.ts';
export * from './diff/index.ts';
export { explainPick, type PickExplanation, reasonText } from './explain.ts';
export { SLOTS, UnitHasher } from './hash.ts';
export type { Live, Pick, PickReason } from './pick.ts';
export type { PayloadValue, RequestFacts } from './request-facts.ts';
export {
  type CelEngine,
  type CheckedPart,
  type CompiledCondition,
  type CompiledText,
  type Condition,
  compileCondition,
  compilePolicyExpressions,
  compileText,
  type EvaluationError,
  EXPRESSION_CHARS_MAX,
  EXPRESSION_COST_MAX,
  EXPRESSION_DEPTH_MAX,
  EXPRESSION_LIMITS,
  EXPRESSION_NAME_CHARS_MAX,
  EXPRESSION_NAMES_MAX,
  EXPRESSION_TEXT_CHARS_MAX,
  type Expression,
  type ExpressionContext,
  type ExpressionLimits,
  type ExpressionProblem,
  type ExpressionSources,
  type ExpressionsResult,
  isProblem,
  JSON_PATH_STEPS_MAX,
  type JsonStep,
  noExpressions,
  type Outcome,
  type PolicyExpressionProblem,
  type PolicyExpressions,
  PROTO_PATH_NUMBERS_MAX,
  parseJsonPath,
  partsOf,
  RULE_INDEX_NODES_MAX,
  type RuleBook,
  RuleIndex,
  type RuleOutcome,
  type TextExpression,
} from './rules/index.ts';
export { sharesOf } from './shares.ts';
export { apportion, assignSlots, MAIN_SPLIT, movedSlots, slotCounts } from './slots.ts';
export {
  armsOf,
  builtInStrategy,
  type CallWorth,
  countsCalls,
  type LearningConfig,
  type LearningStrategy,
  learn,
  learningOf,
  nextWeights,
  SHARE_CHANGE_MIN,
  STRATEGIES,
  type Strategy,
  type StrategyName,
  type StrategyProblem,
  strategyProblems,
  sumArms,
  type WeightsInput,
  worthOf,
} from './strategies/index.ts';
