import type { CompiledPolicy } from './compiled-policy.ts';
import { SLOTS } from './hash.ts';
import type { Live, Pick, PickReason } from './pick.ts';
import type { RequestFacts } from './request-facts.ts';
import type { RuleOutcome } from './rules/index.ts';

/** What a policy would do with a call, and why. */
export interface PickExplanation {
  readonly pick: Pick;
  readonly rules: readonly { readonly name: string; readonly when: string; readonly outcome: RuleOutcome }[];
  /** `null`: the call has none, or the policy asks for none. */
  readonly unit: string | null;
  readonly slot: number | null;
  readonly variants: readonly {
    readonly name: string;
    readonly model: string;
    /** Per cent of the calls that neither a rule nor a strategy decides. */
    readonly percent: number;
    readonly available: boolean;
  }[];
}

/** Explains what {@link CompiledPolicy.pick} does with a call. Where chance decides, this is one of its answers. */
export function explainPick(compiled: CompiledPolicy, facts: RequestFacts, live: Live): PickExplanation {
  const { policy, expressions, main } = compiled;
  const outcomes = policy.rules.length === 0 ? [] : expressions.rules.explain(facts);
  const unit = compiled.unitOf(facts) ?? null;
  return {
    pick: compiled.pick(facts, live),
    rules: policy.rules.map(({ name, when }, at) => ({ name, when, outcome: outcomes[at] ?? 'other' })),
    unit,
    slot: unit === null ? null : compiled.slotOf(facts),
    variants: policy.variants.map(({ name, model }, at) => ({
      name,
      model,
      percent: ((main.shares[at] ?? 0) / SLOTS) * 100,
      available: live.available(at),
    })),
  };
}

/** A reason as a sentence for people. */
export function reasonText(reason: PickReason): string {
  switch (reason.kind) {
    case 'only':
      return 'the endpoint has one variant';
    case 'label':
      return `the call names the label ${reason.label}`;
    case 'named':
      return 'the call names the variant';
    case 'rule':
      return `rule ${reason.rule}`;
    case 'rule-split':
      return reason.sticky ? `the unit's share in the split of rule ${reason.rule}` : `the split of rule ${reason.rule}`;
    case 'sticky':
      return "the unit's share";
    case 'weights':
      return 'the weights';
    case 'strategy':
      return `strategy ${reason.strategy}`;
    case 'unavailable':
      return `variant ${reason.from} cannot be loaded`;
    case 'fallback':
      return `variant ${reason.from} ended with ${reason.cause}`;
  }
}
