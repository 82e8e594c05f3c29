import { Bug } from '../../assert.ts';
import type { EndpointPolicy } from '../../records/index.ts';
import type { PolicyExpressions, RuleBook } from './port.ts';

const NO_RULES: RuleBook = { first: () => -1, explain: () => [] };

/** Of a policy that has no expression. @throws {Bug} for one that has: it needs an engine. */
export function noExpressions({ rules, sticky, mirrors }: EndpointPolicy): PolicyExpressions {
  const has = rules.length > 0 || sticky?.unit.kind === 'expression' || mirrors.some(({ compare }) => compare.segment !== null);
  if (has) throw new Bug('a policy with expressions was compiled without an engine for them');
  return { rules: NO_RULES, stickyBy: null, segments: mirrors.map(() => null), payloadNames: [] };
}
