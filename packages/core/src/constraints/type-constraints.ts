/**
 * Which instances may hold models of a type, and which should: ModelMesh's type constraints (spec `modelmesh.md` §6.1), compiled so that
 * one instance is judged once, not once for each model.
 */

/** The rule for types that have none of their own. */
export const DEFAULT_TYPE = '_default';

/** What one type asks of an instance's labels. */
export interface TypeRule {
  /** All of them must be there; none means that every instance will do. */
  readonly required: ReadonlySet<string>;
  /** Any of them makes an instance preferred. Labels that are required too are left out: they would tell no instance from another. */
  readonly preferred: ReadonlySet<string>;
}

/** What the rules say of an instance with certain labels. */
export interface LabelStanding {
  /** The rules that it does not satisfy, sorted: its partition (spec §6.1). */
  readonly prohibited: readonly string[];
  /** The rules that name one of its labels as preferred, whether or not it satisfies them. */
  readonly preferredBy: ReadonlySet<string>;
  /** 4 × rules that prohibit it − rules that prefer it: the higher, the less it is missed by those who need its labels (spec §6.1). */
  readonly generality: number;
}

/** How much a type that cannot use an instance speaks for leaving it to the others (spec §6.1). */
const PROHIBITED_WEIGHT = 4;

/** Sets of labels that are remembered; a mesh has as many as it has kinds of nodes. */
const STANDINGS_MAX = 1024;

/** The rules of all types. A value: a reload makes another one. */
export class TypeConstraints {
  readonly rules: ReadonlyMap<string, TypeRule>;
  readonly #standings = new Map<string, LabelStanding>();

  constructor(rules: Iterable<readonly [string, TypeRule]> = []) {
    this.rules = new Map(
      [...rules].map(([type, { required, preferred }]) => [type, { required, preferred: preferred.difference(required) }]),
    );
  }

  /** The name of the rule that holds for `type`: its own, {@link DEFAULT_TYPE}, or `null` where nothing constrains it. */
  ruleOf(type: string): string | null {
    if (this.rules.has(type)) return type;
    return this.rules.has(DEFAULT_TYPE) ? DEFAULT_TYPE : null;
  }

  /** Labels that an instance must have for models of `type`. */
  required(type: string): ReadonlySet<string> {
    return this.#rule(type)?.required ?? NO_LABELS;
  }

  /** Labels that a type wants and could do without; if there are none, the preference is inferred from {@link LabelStanding.generality}. */
  wanted(type: string): ReadonlySet<string> {
    return this.#rule(type)?.preferred ?? NO_LABELS;
  }

  /** Whether models of `type` may be loaded in an instance with these labels. */
  allowed(type: string, labels: ReadonlySet<string>): boolean {
    return this.required(type).isSubsetOf(labels);
  }

  /** Whether `type` names one of these labels as preferred. */
  preferred(type: string, labels: ReadonlySet<string>): boolean {
    return !this.wanted(type).isDisjointFrom(labels);
  }

  /** What all rules together say of an instance with these labels; the same object for the same labels. */
  standing(labels: ReadonlySet<string>): LabelStanding {
    const key = JSON.stringify([...labels].sort());
    const known = this.#standings.get(key);
    if (known !== undefined) return known;
    if (this.#standings.size >= STANDINGS_MAX) this.#standings.clear();
    const standing = judge(this.rules, labels);
    this.#standings.set(key, standing);
    return standing;
  }

  #rule(type: string): TypeRule | undefined {
    const name = this.ruleOf(type);
    return name === null ? undefined : this.rules.get(name);
  }
}

const NO_LABELS: ReadonlySet<string> = new Set();

/** Every instance may hold everything, and none is preferred. */
export const NO_CONSTRAINTS = new TypeConstraints();

function judge(rules: ReadonlyMap<string, TypeRule>, labels: ReadonlySet<string>): LabelStanding {
  const prohibited: string[] = [];
  const preferredBy = new Set<string>();
  for (const [type, rule] of rules) {
    if (!rule.required.isSubsetOf(labels)) prohibited.push(type);
    if (!rule.preferred.isDisjointFrom(labels)) preferredBy.add(type);
  }
  prohibited.sort();
  return { prohibited, preferredBy, generality: PROHIBITED_WEIGHT * prohibited.length - preferredBy.size };
}
