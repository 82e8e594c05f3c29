import type { EndpointPolicy, PayloadField } from '../../records/index.ts';
import { compileCondition, compileText, type ExpressionContext } from './compile.ts';
import { isProblem } from './fault.ts';
import type { ExpressionProblem, PolicyExpressionProblem, PolicyExpressions } from './port.ts';
import { RuleIndex } from './rule-index.ts';

/** Rules of one policy. More make a policy that nobody reads, and an order that nobody knows. */
export const RULES_MAX = 256;

/** Payload fields that one policy may declare. */
export const PAYLOAD_FIELDS_MAX = 32;

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
  const problems: PolicyExpressionProblem[] = [...limitProblems(policy), ...policy.payload.flatMap(payloadProblems)];
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

function limitProblems({ rules, payload }: ExpressionSources): readonly PolicyExpressionProblem[] {
  const over = (where: string, count: number, max: number): readonly PolicyExpressionProblem[] =>
    count <= max ? [] : [{ where, message: `${count} are given, at most ${max} are allowed`, at: 0 }];
  return [...over('spec.rules', rules.length, RULES_MAX), ...over('spec.payload', payload.length, PAYLOAD_FIELDS_MAX)];
}

/** `payload.<name>` must be an expression, and no word that every object has a meaning for. */
function payloadProblems({ name }: PayloadField, at: number): readonly PolicyExpressionProblem[] {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !(name in Object.prototype)) return [];
  return [
    {
      where: `spec.payload[${at}].name`,
      message: `${JSON.stringify(name)} is no name: letters, digits and _, no digit first`,
      at: 0,
    },
  ];
}
