import type { RequestFacts } from '../request-facts.ts';
import type { CompiledCondition } from './compile.ts';
import type { Field, Value } from './field.ts';
import type { Outcome, RuleBook, RuleOutcome } from './port.ts';

/** Nodes that the tree of one index may have; beyond, rules are tried one after another. */
export const RULE_INDEX_NODES_MAX = 4096;

/** Rules that may still match here, in their order; or a field whose value tells which they are. */
type Node =
  | { readonly kind: 'rules'; readonly rules: readonly number[] }
  | { readonly kind: 'field'; readonly field: Field; readonly branches: ReadonlyMap<Value, Node>; readonly otherwise: Node };

/**
 * Finds the first of many conditions that is true, as if they were tried in order. Conditions that need certain values of the same field
 * are found by its value: a tree is walked that asks one field after the other, and only rules that it leaves are tried. Unlike one table
 * for each field, of which the answers would have to be merged, it allocates nothing.
 */
export class RuleIndex implements RuleBook {
  readonly #conditions: readonly CompiledCondition[];
  readonly #root: Node;

  constructor(conditions: readonly CompiledCondition[]) {
    this.#conditions = conditions;
    this.#root = new TreeBuilder(conditions).node(
      conditions.map((_, rule) => rule),
      new Set(),
    );
  }

  /** The place of the first condition that is true, or -1. */
  first(facts: RequestFacts): number {
    let node = this.#root;
    while (node.kind === 'field') {
      const value = node.field.read(facts);
      node = (value === undefined ? undefined : node.branches.get(value)) ?? node.otherwise;
    }
    for (const rule of node.rules) if (this.#conditions[rule]?.holds(facts)) return rule;
    return -1;
  }

  /** What every condition comes to, by its place. */
  explain(facts: RequestFacts): readonly RuleOutcome[] {
    return this.#conditions.map((condition) => ruleOutcome(condition.test(facts)));
  }
}

function ruleOutcome(outcome: Outcome): RuleOutcome {
  if (typeof outcome === 'string') return outcome;
  return outcome ? 'matched' : 'not-matched';
}

class TreeBuilder {
  readonly #conditions: readonly CompiledCondition[];
  #nodesLeft = RULE_INDEX_NODES_MAX;

  constructor(conditions: readonly CompiledCondition[]) {
    this.#conditions = conditions;
  }

  /** The tree of `rules`, none of which is asked for a field of `asked` again. */
  node(rules: readonly number[], asked: ReadonlySet<string>): Node {
    this.#nodesLeft--;
    const field = this.#discriminating(rules, asked);
    if (field === undefined) return { kind: 'rules', rules };
    const values = new Set(rules.flatMap((rule) => [...(this.#values(rule, field.id) ?? [])]));
    if (values.size >= this.#nodesLeft) return { kind: 'rules', rules };
    this.#nodesLeft -= values.size;
    const inner = new Set([...asked, field.id]);
    const branches = new Map<Value, Node>();
    for (const value of values) {
      this.#nodesLeft++;
      const left = rules.filter((rule) => this.#values(rule, field.id)?.has(value) !== false);
      branches.set(value, this.node(left, inner));
    }
    const rest = rules.filter((rule) => this.#values(rule, field.id) === undefined);
    return { kind: 'field', field, branches, otherwise: this.node(rest, inner) };
  }

  /** The field that most of the rules need, if two do: for a single one asking costs as much as trying it. */
  #discriminating(rules: readonly number[], asked: ReadonlySet<string>): Field | undefined {
    const counts = new Map<string, { readonly field: Field; count: number }>();
    for (const rule of rules) {
      for (const { field } of this.#needs(rule)) {
        if (asked.has(field.id)) continue;
        const known = counts.get(field.id);
        if (known === undefined) counts.set(field.id, { field, count: 1 });
        else known.count++;
      }
    }
    let best: { readonly field: Field; count: number } | undefined;
    for (const candidate of counts.values()) if (candidate.count > Math.max(1, best?.count ?? 1)) best = candidate;
    return best?.field;
  }

  #needs(rule: number): CompiledCondition['needs'] {
    return this.#conditions[rule]?.needs ?? [];
  }

  /** The values that a rule needs of a field, `undefined` if it does not care. */
  #values(rule: number, id: string): ReadonlySet<Value> | undefined {
    return this.#needs(rule).find(({ field }) => field.id === id)?.values;
  }
}
