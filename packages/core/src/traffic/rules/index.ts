/** The door of the room: what the expressions of a policy say of a call. */
export { type CompiledCondition, type CompiledText, compileCondition, compileText, type ExpressionContext } from './compile.ts';
export {
  compilePolicyExpressions,
  type ExpressionSources,
  type ExpressionsResult,
  PROTO_PATH_NUMBERS_MAX,
} from './compile-policy-expressions.ts';
export { isProblem } from './fault.ts';
export { JSON_PATH_STEPS_MAX, type JsonStep, parseJsonPath } from './json-path.ts';
export {
  EXPRESSION_CHARS_MAX,
  EXPRESSION_COST_MAX,
  EXPRESSION_DEPTH_MAX,
  EXPRESSION_LIMITS,
  EXPRESSION_NAME_CHARS_MAX,
  EXPRESSION_NAMES_MAX,
  EXPRESSION_TEXT_CHARS_MAX,
  type ExpressionLimits,
} from './limits.ts';
export { noExpressions } from './no-expressions.ts';
export type {
  CelEngine,
  CheckedPart,
  Condition,
  EvaluationError,
  ExpressionProblem,
  Outcome,
  PolicyExpressionProblem,
  PolicyExpressions,
  RuleBook,
  RuleOutcome,
  TextExpression,
} from './port.ts';
export { RULE_INDEX_NODES_MAX, RuleIndex } from './rule-index.ts';
export { type Expression, partsOf } from './syntax.ts';
