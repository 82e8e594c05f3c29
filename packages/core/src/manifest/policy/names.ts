import { type FieldReader, NOT_EMPTY, type TextRule } from '../field-reader.ts';
import { suggest } from '../suggest.ts';

/** Variants that an error lists; more would bury the sentence. */
const LISTED_MAX = 8;

/** Names of variants, labels, rules, strategies and comparers. */
export const POLICY_NAME: TextRule = {
  test: (text) => /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(text),
  expected: 'a name of at most 63 letters, digits, dots, dashes and underscores',
};

/** The names that a policy gives its variants, to which its other parts refer. */
export class VariantNames {
  readonly #names: readonly string[];

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  /** Where a variant stands among the others; -1: there is none of this name. */
  orderOf(name: string): number {
    return this.#names.indexOf(name);
  }

  /** What should stand where `name` does, or `undefined` if it is a variant's. */
  problemOf(name: string): string | undefined {
    if (this.#names.includes(name)) return undefined;
    const listed = this.#names.slice(0, LISTED_MAX).join(', ');
    const more = this.#names.length > LISTED_MAX ? ' and more' : '';
    const meant = suggest(name, this.#names);
    return `the name of a variant, of ${listed}${more}${meant === undefined ? '' : `; did you mean ${meant}?`}`;
  }

  /** Reads a reference to a variant; reports one that there is not. */
  read(reader: FieldReader, field: string): string | undefined {
    const name = reader.text(field, NOT_EMPTY);
    // Without any variant that is the problem, and not everything that refers to one.
    const problem = name === undefined || this.#names.length === 0 ? undefined : this.problemOf(name);
    if (problem === undefined) return name;
    reader.problem(field, problem);
    return undefined;
  }

  /** Reads a reference that must be there. */
  readRequired(reader: FieldReader, field: string): string | undefined {
    if (!reader.has(field)) reader.problem(field, 'the name of a variant');
    return this.read(reader, field);
  }
}

/** Reports every item whose name an earlier one has. */
export function refuseDuplicates(readers: readonly FieldReader[], names: readonly (string | undefined)[], what: string): void {
  const seen = new Set<string>();
  for (const [at, name] of names.entries()) {
    if (name === undefined) continue;
    if (seen.has(name)) readers[at]?.problem('name', `a name that no other ${what} has`);
    seen.add(name);
  }
}
