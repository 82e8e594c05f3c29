import { JSON_DEPTH_MAX, JSON_VALUES_MAX, jsonCopy } from './json-copy.ts';
import { fieldPath, itemPath, PROBLEMS_MAX, type Problem } from './problem.ts';
import { suggest } from './suggest.ts';

/** What is wrong with a manifest and what is merely worth knowing, gathered while it is read. */
export class Findings {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];

  problem(path: string, value: unknown, expected: string): void {
    if (this.problems.length < PROBLEMS_MAX) this.problems.push({ path, value, expected });
  }

  warning(path: string, value: unknown, expected: string): void {
    if (this.warnings.length < PROBLEMS_MAX) this.warnings.push({ path, value, expected });
  }
}

/** The fields of an object. */
export type JsonFields = Readonly<Record<string, unknown>>;

/** A rule for a text: a test, and the clause that says what it wants. */
export interface TextRule {
  readonly test: (text: string) => boolean;
  readonly expected: string;
}

/** Bounds of a number, both included. */
export interface NumberRule {
  readonly min: number;
  readonly max: number;
}

/** A text that is not empty. */
export const NOT_EMPTY: TextRule = { test: (text) => text.length > 0, expected: 'a text that is not empty' };

const AMOUNT_EXPECTED = 'a number that is not negative';

/** Adding zero to it makes a negative zero an ordinary one, which is what comes back from JSON. */
const isAmount = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value >= 0;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Reads the fields of one object, each by name, and reports everything that is not as expected. A field that is `null` is absent, as in
 * Kubernetes. {@link close} reports the fields that nobody asked for, so that nothing is ever ignored in silence.
 */
export class FieldReader {
  readonly path: string;
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #findings: Findings;
  readonly #known = new Set<string>();

  private constructor(fields: Readonly<Record<string, unknown>>, path: string, findings: Findings) {
    this.#fields = fields;
    this.path = path;
    this.#findings = findings;
  }

  /** A reader of `value`, or `undefined` after reporting that it is no object. */
  static of(value: unknown, path: string, findings: Findings): FieldReader | undefined {
    if (isObject(value)) return new FieldReader(value, path, findings);
    findings.problem(path, value, 'an object');
    return undefined;
  }

  /** A reader of what `merge` makes of this object and the one of `under`, at the place of this one. */
  over(under: FieldReader, merge: (over: JsonFields, under: JsonFields) => JsonFields): FieldReader {
    return new FieldReader(merge(this.#fields, under.#fields), this.path, this.#findings);
  }

  /** Whether the field is there and not `null`. */
  has(name: string): boolean {
    return this.#raw(name) !== undefined;
  }

  /** Whether the field is a number, where a number or a text may stand. */
  isNumber(name: string): boolean {
    return typeof this.#raw(name) === 'number';
  }

  /** Whether the field is absent or a list without items. */
  isEmptyList(name: string): boolean {
    const value = this.#raw(name);
    return value === undefined || (Array.isArray(value) && value.length === 0);
  }

  /** Where a field stands. */
  at(name: string): string {
    return fieldPath(this.path, name);
  }

  /** Reports a problem with a field. */
  problem(name: string, expected: string): void {
    this.#findings.problem(this.at(name), this.#raw(name), expected);
  }

  /** Reports a problem with what stands at a path below. */
  problemAt(path: string, value: unknown, expected: string): void {
    this.#findings.problem(path, value, expected);
  }

  /** Reports a problem with the whole object. */
  refuse(expected: string): void {
    this.#findings.problem(this.path, this.#fields, expected);
  }

  /** A text that `rule` allows. */
  text(name: string, rule: TextRule = NOT_EMPTY): string | undefined {
    const value = this.#raw(name);
    if (value === undefined) return undefined;
    if (typeof value === 'number' || typeof value === 'boolean') {
      this.problem(name, `${rule.expected}; write it in quotes`);
      return undefined;
    }
    if (typeof value === 'string' && rule.test(value)) return value;
    this.problem(name, rule.expected);
    return undefined;
  }

  /** A text that must be there. */
  requiredText(name: string, rule: TextRule = NOT_EMPTY): string | undefined {
    if (!this.has(name)) this.problem(name, rule.expected);
    return this.text(name, rule);
  }

  /** A text that `parse` understands. */
  parsed<T>(name: string, parse: (text: string) => T | undefined, expected: string): T | undefined {
    const value = this.#raw(name);
    if (value === undefined) return undefined;
    const result = typeof value === 'string' ? parse(value) : undefined;
    if (result === undefined) this.problem(name, expected);
    return result;
  }

  /** One of a few words. */
  oneOf<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const value = this.#raw(name);
    if (value === undefined) return undefined;
    const word = words.find((candidate) => candidate === value);
    if (word === undefined) this.problem(name, `one of ${words.join(', ')}`);
    return word;
  }

  /** A whole number within bounds. */
  integer(name: string, { min, max }: NumberRule): number | undefined {
    const value = this.#raw(name);
    if (value === undefined) return undefined;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value;
    this.problem(name, `a whole number from ${min} to ${max}`);
    return undefined;
  }

  /** A number that is not negative. */
  amount(name: string): number | undefined {
    const value = this.#raw(name);
    if (value === undefined) return undefined;
    if (isAmount(value)) return value + 0;
    this.problem(name, AMOUNT_EXPECTED);
    return undefined;
  }

  /** A number within bounds. */
  number(name: string, { min, max }: NumberRule): number | undefined {
    const value = this.#raw(name);
    if (value === undefined) return undefined;
    if (typeof value === 'number' && value >= min && value <= max) return value + 0;
    this.problem(name, `a number from ${min} to ${max}`);
    return undefined;
  }

  /** `true` or `false`. */
  flag(name: string): boolean | undefined {
    const value = this.#raw(name);
    if (value === undefined || typeof value === 'boolean') return value;
    this.problem(name, 'true or false');
    return undefined;
  }

  /** A reader of an object within. */
  object(name: string): FieldReader | undefined {
    const value = this.#raw(name);
    return value === undefined ? undefined : FieldReader.of(value, this.at(name), this.#findings);
  }

  /** The items of a list of at most `max`, each with its path. */
  list(name: string, max: number): readonly { readonly value: unknown; readonly path: string }[] {
    const value = this.#raw(name);
    if (value === undefined) return [];
    if (!Array.isArray(value) || value.length > max) {
      this.problem(name, `a list of at most ${max}`);
      return [];
    }
    return value.map((item: unknown, at) => ({ value: item, path: itemPath(this.at(name), at) }));
  }

  /** Readers of a list of objects. */
  objects(name: string, max: number): readonly FieldReader[] {
    return this.list(name, max).flatMap(({ value, path }) => FieldReader.of(value, path, this.#findings) ?? []);
  }

  /** A map of texts with at most `max` entries. */
  textMap(name: string, max: number): ReadonlyMap<string, string> {
    const value = this.#raw(name);
    const entries = new Map<string, string>();
    if (value === undefined) return entries;
    if (!isObject(value) || Object.keys(value).length > max) {
      this.problem(name, `an object of at most ${max} texts`);
      return entries;
    }
    for (const [key, text] of Object.entries(value)) {
      if (typeof text === 'string') entries.set(key, text);
      else this.#findings.problem(fieldPath(this.at(name), key), text, 'a text; write it in quotes');
    }
    return entries;
  }

  /** A map of at most `max` amounts. */
  amounts(name: string, max: number): ReadonlyMap<string, number> {
    const value = this.#raw(name);
    const entries = new Map<string, number>();
    if (value === undefined) return entries;
    if (!isObject(value) || Object.keys(value).length > max) {
      this.problem(name, `an object of at most ${max} numbers`);
      return entries;
    }
    for (const [key, amount] of Object.entries(value)) {
      if (isAmount(amount)) entries.set(key, amount + 0);
      else this.#findings.problem(fieldPath(this.at(name), key), amount, AMOUNT_EXPECTED);
    }
    return entries;
  }

  /** An object of plain JSON, copied; `undefined` if it is absent or holds anything that JSON cannot, or too much. */
  json(name: string): Readonly<Record<string, unknown>> | undefined {
    const value = this.#raw(name);
    if (value === undefined) return undefined;
    const copy = isObject(value) ? jsonCopy(value) : undefined;
    if (isObject(copy)) return copy;
    this.problem(name, `an object of plain JSON with at most ${JSON_VALUES_MAX} values, at most ${JSON_DEPTH_MAX} deep`);
    return undefined;
  }

  /** Fields that are known and that this version cannot honour: refused by name. An empty list asks for nothing and is allowed. */
  unsupported(names: readonly string[], why = 'not supported by this version'): void {
    for (const name of names) {
      const value = this.#raw(name);
      if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
      this.problem(name, `nothing: this field is ${why}`);
    }
  }

  /** Fields that others own, such as those a cluster fills in: read over. */
  ignore(names: readonly string[]): void {
    for (const name of names) this.#known.add(name);
  }

  /** Fields that mean something elsewhere and nothing here: allowed, with a warning. */
  without(names: readonly string[], why: string): void {
    for (const name of names) if (this.has(name)) this.#findings.warning(this.at(name), this.#raw(name), why);
  }

  /** Reports every field that was not asked for. */
  close(): void {
    for (const [name, value] of Object.entries(this.#fields)) {
      if (this.#known.has(name)) continue;
      const meant = suggest(name, [...this.#known]);
      const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
      this.#findings.problem(this.at(name), value, `nothing: there is no field ${JSON.stringify(name)} here${hint}`);
    }
  }

  #raw(name: string): unknown {
    this.#known.add(name);
    const value = Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined;
    return value === null ? undefined : value;
  }
}
