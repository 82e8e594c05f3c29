import type { PayloadField } from '../../records/index.ts';
import type { RequestFacts } from '../request-facts.ts';

/** What is wrong with an expression, and where. */
export interface ExpressionProblem {
  readonly message: string;
  /** Offset of the first character concerned, in UTF-16 units from 0. */
  readonly at: number;
}

/** Why an expression gave no value: CEL's runtime errors, above all a header or key that is not there. Such a rule does not match. */
export type EvaluationError = 'no-such-key' | 'wrong-type' | 'cost-exceeded' | 'other';

/** A compiled condition. Evaluating it changes nothing and allocates nothing where `indexable` holds. */
export interface Condition {
  /** Whether our own closures run it, rather than a CEL engine. */
  readonly indexable: boolean;
  test(facts: RequestFacts): boolean | EvaluationError;
}

/** A compiled expression that gives a text. */
export interface TextExpression {
  /** `undefined`: no value, for instance because a header is not there. */
  read(facts: RequestFacts): string | undefined;
}

/** Compiles what {@link Condition}s of our own cannot express. Adapters run a CEL library under a cost limit. */
export interface CelEngine {
  /** @returns the compiled expression, or what is wrong with it: syntax, types, unknown names, a cost above the limit */
  condition(source: string, payload: readonly PayloadField[]): Condition | ExpressionProblem;
  text(source: string, payload: readonly PayloadField[]): TextExpression | ExpressionProblem;
}

/** What became of one rule for one call. */
export type RuleOutcome = 'matched' | 'not-matched' | EvaluationError;

/** The rules of a policy, in their order. */
export interface RuleBook {
  /** Place of the first rule that matches; -1: none does. */
  first(facts: RequestFacts): number;
  /** What each rule says of a call, in their order, those behind the first match included. */
  explain(facts: RequestFacts): readonly RuleOutcome[];
}

/** All expressions of a policy, compiled. */
export interface PolicyExpressions {
  readonly rules: RuleBook;
  /** Of `sticky.by`; `null`: the policy has none. */
  readonly stickyBy: TextExpression | null;
  /** Of `mirrors[i].compare.segment`, in the order of the mirrors; `null`: no segments. */
  readonly segments: readonly (TextExpression | null)[];
  /** Names of the declared payload fields that any expression reads. */
  readonly payloadNames: readonly string[];
}

/** An expression of a policy that cannot be used. */
export interface PolicyExpressionProblem extends ExpressionProblem {
  /** Path in the manifest, for instance `spec.rules[1].when`. */
  readonly where: string;
}
