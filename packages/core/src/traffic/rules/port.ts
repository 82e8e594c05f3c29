import type { PayloadField } from '../../records/index.ts';
import type { RequestFacts } from '../request-facts.ts';
import type { Expression } from './syntax.ts';

/** What is wrong with an expression, and where. */
export interface ExpressionProblem {
  readonly message: string;
  /** Offset of the first character concerned, in UTF-16 units from 0. */
  readonly at: number;
}

/**
 * Why an expression gave no value: a header, query parameter, payload field or element that is not there; a value beyond the limits of what an
 * expression may go through; or another of CEL's runtime errors, such as a text that is no number. Such a rule does not match.
 */
export type EvaluationError = 'no-such-key' | 'cost-exceeded' | 'other';

/** What a condition comes to for a call. */
export type Outcome = boolean | EvaluationError;

/** A compiled condition. Evaluating it changes nothing and allocates nothing where `indexable` holds. */
export interface Condition {
  /** Whether our own closures run it, rather than a CEL engine. */
  readonly indexable: boolean;
  test(facts: RequestFacts): Outcome;
}

/** A compiled expression that gives a text. */
export interface TextExpression {
  /** `undefined`: no value, for instance because a header is not there. */
  read(facts: RequestFacts): string | undefined;
}

/** A part of an expression whose types and cost have been checked. */
export interface CheckedPart {
  /** The part alone; positions in `expression` count from its beginning. */
  readonly source: string;
  readonly expression: Expression;
  readonly payload: readonly PayloadField[];
}

/**
 * Runs what {@link Condition}s of our own cannot express. Adapters put a CEL library behind it. What reaches it has passed our parser, our
 * type checker and the bound of its cost. That bound stands on this: texts of more than `EXPRESSION_TEXT_CHARS_MAX` characters, a walk through more
 * than `EXPRESSION_NAMES_MAX` names or through names of more than `EXPRESSION_NAME_CHARS_MAX` characters end in `cost-exceeded`.
 */
export interface CelEngine {
  /** @returns the compiled condition, or what the library does not like, at a position that counts from the beginning of the part */
  condition(part: CheckedPart): Condition | ExpressionProblem;
  text(part: CheckedPart): TextExpression | ExpressionProblem;
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
