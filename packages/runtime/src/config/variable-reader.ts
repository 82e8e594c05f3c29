/** Reads variables and collects what is wrong with them, so that all problems can be told at once. */
export class VariableReader {
  readonly #variables: Readonly<Record<string, string | undefined>>;
  /** One sentence for each problem: name, value, expectation. */
  readonly problems: string[] = [];

  constructor(variables: Readonly<Record<string, string | undefined>>) {
    this.#variables = variables;
  }

  /** The value, or undefined when it is missing or empty. */
  text(name: string): string | undefined {
    const value = this.#variables[name];
    return value === undefined || value === '' ? undefined : value;
  }

  /** A whole number within bounds. */
  whole(name: string, otherwise: number, min: number, max: number): number {
    const value = this.text(name);
    if (value === undefined) return otherwise;
    const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    this.problem(name, value, `a whole number from ${min} to ${max}`);
    return otherwise;
  }

  /** One of `choices`. */
  choice<Choice extends string>(name: string, otherwise: Choice, choices: readonly Choice[]): Choice {
    const value = this.text(name);
    if (value === undefined) return otherwise;
    const found = choices.find((choice) => choice === value);
    if (found === undefined) this.problem(name, value, `one of ${choices.join(', ')}`);
    return found ?? otherwise;
  }

  /** An absolute path. */
  path(name: string): string | undefined {
    const value = this.text(name);
    if (value !== undefined && !value.startsWith('/')) this.problem(name, value, 'an absolute path');
    return value;
  }

  /** Notes a problem. */
  problem(name: string, value: string, expected: string): void {
    this.problems.push(`${name}=${value}: expected ${expected}`);
  }
}
