/** For tests: policies whose rules and units need no parser. */
import type { EndpointPolicy, SlotAssignment } from '../../records/index.ts';
import { epochMs } from '../../units.ts';
import { assignSlots, CompiledPolicy, type Live, type RequestFacts } from '../index.ts';
import type { PolicyExpressions, RuleOutcome, TextExpression } from '../rules/index.ts';

/** Everything can be called, nothing runs, chance is one half. */
export const LIVE: Live = { chance: () => 0.5, available: () => true, inFlight: () => 0 };

/** What a call of tests says of itself. */
export interface FactsFields {
  readonly headers?: Readonly<Record<string, string>>;
  readonly tokenUnit?: string;
}

/** A call with these headers and nothing else. */
export const factsOf = ({ headers = {}, tokenUnit }: FactsFields): RequestFacts => ({
  header: (name) => headers[name],
  headerNames: () => Object.keys(headers),
  query: () => undefined,
  queryNames: () => [],
  path: '/inference.GRPCInferenceService/ModelInfer',
  method: 'POST',
  tenant: '',
  client: '',
  nowMs: epochMs(0),
  payload: () => undefined,
  tokenUnit,
});

/** Reads `header["x"] == "y"` and `header["x"]`, and nothing else. */
function expressionsOf({ rules, sticky, mirrors }: EndpointPolicy): PolicyExpressions {
  const outcome = (when: string, facts: RequestFacts): RuleOutcome => {
    const [, name = '', value] = /^header\["([^"]+)"\] == "([^"]+)"$/.exec(when) ?? [];
    const header = facts.header(name);
    return header === undefined ? 'no-such-key' : header === value ? 'matched' : 'not-matched';
  };
  const explain = (facts: RequestFacts): RuleOutcome[] => rules.map(({ when }) => outcome(when, facts));
  const by = sticky?.unit.kind === 'expression' ? /^header\["([^"]+)"\]$/.exec(sticky.unit.by)?.[1] : undefined;
  const stickyBy: TextExpression | null = by === undefined ? null : { read: (facts) => facts.header(by) };
  const book = { first: (facts: RequestFacts) => explain(facts).indexOf('matched'), explain };
  return { rules: book, stickyBy, segments: mirrors.map(() => null), payloadNames: [] };
}

/** A policy compiled, with slots made anew unless given. */
export const compiledOf = (policy: EndpointPolicy, slots: SlotAssignment = assignSlots(policy, new Map())): CompiledPolicy =>
  new CompiledPolicy({ policy, slots, published: null, expressions: expressionsOf(policy) });
