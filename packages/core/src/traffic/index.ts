/** The door of the room: which variant of an endpoint a call gets. */
export { CompiledPolicy, type PolicyParts } from './compiled-policy.ts';
export { explainPick, type PickExplanation, reasonText } from './explain.ts';
export { SLOTS, UnitHasher } from './hash.ts';
export type { Live, Pick, PickReason } from './pick.ts';
export type { PayloadValue, RequestFacts } from './request-facts.ts';
export {
  type CelEngine,
  type Condition,
  type EvaluationError,
  type ExpressionProblem,
  noExpressions,
  type PolicyExpressionProblem,
  type PolicyExpressions,
  type RuleBook,
  type RuleOutcome,
  type TextExpression,
} from './rules/index.ts';
export { sharesOf } from './shares.ts';
export { apportion, assignSlots, MAIN_SPLIT, movedSlots, slotCounts } from './slots.ts';
