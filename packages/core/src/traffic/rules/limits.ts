/** Characters of one expression. What says more is a table, and a table is many rules. */
export const EXPRESSION_CHARS_MAX = 4096;

/** Brackets, operators and functions within one another. */
export const EXPRESSION_DEPTH_MAX = 32;

/**
 * Steps that one evaluation may take at worst, by a bound that is computed when the rule is applied: a step is an operation or a comparison
 * of 64 characters, of the order of 50 ns. A walk through all headers fits, one within another does not.
 */
export const EXPRESSION_COST_MAX = 50_000;

/** Headers or query parameters that an expression may go through; a request with more makes such an expression fail with `cost-exceeded`. */
export const EXPRESSION_NAMES_MAX = 128;

/** Characters of a name that an expression comes upon where it goes through all of them; as {@link EXPRESSION_NAMES_MAX}. */
export const EXPRESSION_NAME_CHARS_MAX = 256;

/** Characters of a header, query parameter or payload field that the CEL engine takes; a longer one makes it fail with `cost-exceeded`. */
export const EXPRESSION_TEXT_CHARS_MAX = 4096;

/** Limits of expressions. The defaults bound the worst evaluation to a few milliseconds, which only a request of extreme headers meets. */
export interface ExpressionLimits {
  readonly charsMax: number;
  readonly depthMax: number;
  readonly costMax: number;
}

/** Used where nothing else is said. */
export const EXPRESSION_LIMITS: ExpressionLimits = {
  charsMax: EXPRESSION_CHARS_MAX,
  depthMax: EXPRESSION_DEPTH_MAX,
  costMax: EXPRESSION_COST_MAX,
};
