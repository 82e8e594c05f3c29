import type { EndpointPolicy, PayloadField } from '../../records/index.ts';
import { compileCondition, compileText, type ExpressionContext } from './compile.ts';
import { isProblem } from './fault.ts';
import { JSON_PATH_STEPS_MAX, parseJsonPath } from './json-path.ts';
import type { ExpressionProblem, PolicyExpressionProblem, PolicyExpressions } from './port.ts';
import { RuleIndex } from './rule-index.ts';

/** The most field numbers of the path of a payload field in a message. */
export const PROTO_PATH_NUMBERS_MAX = 16;

/** What of a policy holds expressions. */
export type ExpressionSources = Pick<EndpointPolicy, 'rules' | 'payload' | 'sticky' | 'mirrors'>;

/** Outcome of {@link compilePolicyExpressions}. */
export type ExpressionsResult =
  | { readonly kind: 'compiled'; readonly expressions: PolicyExpressions }
  | { readonly kind: 'refused'; readonly problems: readonly PolicyExpressionProblem[] };

/** Compiles every expression of a policy, or tells all that is wrong with them at once. */
export function compilePolicyExpressions(
  policy: ExpressionSources,
  { engine, limits }: Omit<ExpressionContext, 'payload'>,
): ExpressionsResult {
  const problems: PolicyExpressionProblem[] = policy.payload.flatMap(payloadProblems);
  if (problems.length > 0) return { kind: 'refused', problems };
  const context: ExpressionContext = { engine, payload: policy.payload, ...(limits === undefined ? {} : { limits }) };
  const payloadNames = new Set<string>();
  const kept = <Compiled extends { readonly payloadNames: readonly string[] }>(
    where: string,
    result: Compiled | ExpressionProblem,
  ): Compiled | null => {
    if (isProblem(result)) {
      problems.push({ where: `spec.${where}`, message: result.message, at: result.at });
      return null;
    }
    for (const name of result.payloadNames) payloadNames.add(name);
    return result;
  };
  const text = (where: string, source: string | null) => (source === null ? null : kept(where, compileText(source, context)));
  const conditions = policy.rules.map(({ when }, at) => kept(`rules[${at}].when`, compileCondition(when, context)));
  const stickyBy = text('sticky.by', policy.sticky?.unit.kind === 'expression' ? policy.sticky.unit.by : null);
  const segments = policy.mirrors.map(({ compare }, at) => text(`mirror[${at}].compare.segment`, compare.segment));
  if (problems.length > 0) return { kind: 'refused', problems };
  const rules = new RuleIndex(conditions.filter((condition) => condition !== null));
  return { kind: 'compiled', expressions: { rules, stickyBy, segments, payloadNames: [...payloadNames] } };
}

/** `payload.<name>` must be an expression, and no word that every object has a meaning for. */
const isName = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !(name in Object.prototype);

const isFieldNumber = (number: number): boolean => Number.isInteger(number) && number >= 1 && number < 2 ** 29;

function payloadProblems({ name, json, parameter, proto }: PayloadField, at: number): readonly PolicyExpressionProblem[] {
  const problems: PolicyExpressionProblem[] = [];
  const problem = (where: string, message: string): void => {
    problems.push({ where: `spec.payload[${at}]${where}`, message, at: 0 });
  };
  if (!isName(name)) problem('.name', `${JSON.stringify(name)} is no name: letters, digits and _, no digit first`);
  if (json === null && parameter === null && proto === null) problem('', 'it says nowhere where the field stands');
  if (json !== null && parseJsonPath(json) === undefined) {
    problem(
      '.json',
      `${JSON.stringify(json)} is no path like parameters.country or instances[0]["a.b"], of at most ${JSON_PATH_STEPS_MAX} steps`,
    );
  }
  if (proto !== null && (proto.length === 0 || proto.length > PROTO_PATH_NUMBERS_MAX || !proto.every(isFieldNumber))) {
    problem('.proto', `a path has 1 to ${PROTO_PATH_NUMBERS_MAX} field numbers, each from 1 to 2^29 - 1`);
  }
  return problems;
}
