import { MeshError } from '../errors.ts';
import type { EndpointPolicy } from '../records/index.ts';
import { COMPARERS, type PolicyExpressionProblem, strategyProblems } from '../traffic/index.ts';
import type { EndpointId } from '../units.ts';

/** What this mesh can do for a policy beyond what every node can; what it cannot is refused when a policy that asks for it is applied. */
export interface PolicyAbilities {
  /** What is wrong with the expressions of a policy; empty: nothing. */
  readonly expressionProblems: (policy: EndpointPolicy) => readonly PolicyExpressionProblem[];
  /** Names of the strategies that plug-ins bring. */
  readonly strategies: () => readonly string[];
  /** Names of the comparers that plug-ins bring. */
  readonly comparers: () => readonly string[];
  /** Why no sticky token can be issued; `null`: they can. */
  readonly tokenProblem: () => string | null;
}

/**
 * Why a policy cannot be put in force. Its manifest was read and found consistent in itself before; what is checked again here are the laws
 * that whoever compiles it rests on, since not every policy comes from a manifest.
 */
export function policyError(
  id: EndpointId,
  policy: EndpointPolicy,
  abilities: PolicyAbilities | undefined,
): MeshError | undefined {
  const problems = [...structureProblems(policy), ...(abilities === undefined ? [] : abilityProblems(policy, abilities))];
  if (problems.length === 0) return undefined;
  return new MeshError('invalid-argument', problems.map((problem) => `endpoint ${id}: ${problem}`).join('\n'));
}

function structureProblems({ variants, defaultVariant, rules, mirrors, fallback }: EndpointPolicy): readonly string[] {
  const names = variants.map(({ name }) => name);
  const known = new Set(names);
  const problems: string[] = [];
  const needs = (where: string, name: string): void => {
    if (!known.has(name)) problems.push(`${where}: got ${JSON.stringify(name)}, expected the name of a variant`);
  };
  if (known.size < names.length) problems.push('spec.variants: two variants have one name');
  needs('spec.default', defaultVariant);
  for (const { name, weight } of variants) {
    if (!Number.isFinite(weight) || weight < 0)
      problems.push(`spec.variants: the weight of ${name} is ${weight}, expected a number that is not negative`);
  }
  if (!variants.some(({ weight }) => weight > 0)) problems.push('spec.variants: all weights are 0, at least one must be more');
  for (const [at, { to }] of rules.entries()) {
    if (to.kind === 'variant') needs(`spec.rules[${at}].to`, to.variant);
    else for (const { variant } of to.shares) needs(`spec.rules[${at}].split`, variant);
  }
  for (const [at, { to }] of mirrors.entries()) needs(`spec.mirror[${at}].to`, to);
  if (fallback !== null) needs('spec.fallback.to', fallback.to);
  return problems;
}

function abilityProblems(policy: EndpointPolicy, abilities: PolicyAbilities): readonly string[] {
  const problems = abilities
    .expressionProblems(policy)
    .map(({ where, message, at }) => `${where}: ${message} (at character ${at + 1})`);
  return [...problems, ...lackingAbilities(policy, abilities)];
}

/** What a policy asks of plug-ins and keys that this node does not have; expressions aside. Of a policy that is in force: what this node does without. */
export function lackingAbilities(
  { strategy, sticky, mirrors }: EndpointPolicy,
  abilities: Omit<PolicyAbilities, 'expressionProblems'>,
): readonly string[] {
  const problems: string[] = [];
  for (const { path, expected } of strategyProblems(strategy, abilities.strategies()))
    problems.push(`spec.strategy.${path}: expected ${expected}`);
  const comparers = [...Object.keys(COMPARERS), ...abilities.comparers()];
  for (const [at, { compare }] of mirrors.entries()) {
    if (comparers.includes(compare.comparer)) continue;
    const got = JSON.stringify(compare.comparer);
    problems.push(`spec.mirror[${at}].compare.comparer: got ${got}, expected one of ${comparers.join(', ')}`);
  }
  const tokens = sticky?.unit.kind === 'token' ? abilities.tokenProblem() : null;
  if (tokens !== null) problems.push(`spec.sticky.token: ${tokens}`);
  return problems;
}
