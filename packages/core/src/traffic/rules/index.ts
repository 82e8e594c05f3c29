/** The door of the room: what the expressions of a policy say of a call. */
export { noExpressions } from './no-expressions.ts';
export type {
  CelEngine,
  Condition,
  EvaluationError,
  ExpressionProblem,
  PolicyExpressionProblem,
  PolicyExpressions,
  RuleBook,
  RuleOutcome,
  TextExpression,
} from './port.ts';
