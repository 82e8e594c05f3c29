/** One thing that is wrong with a configuration, or worth knowing about it. */
export interface ConfigProblem {
  /** The setting by its path in YAML, or the variable, flag or field that is no setting. */
  readonly name: string;
  /** What was given, as text; `null` if nothing was. Secrets are hidden. */
  readonly value: string | null;
  /** What is wrong, where that is neither the value nor that there is none. */
  readonly fault?: 'unknown' | 'invalid';
  /** Where it was given: `mesh.yaml:12`, `MM_PROBE_PORT`, `--probes-port`, `default`. */
  readonly from: string;
  /** What is expected, or why it cannot be, and what to do. */
  readonly expected: string;
}

/** Problems that are reported of one configuration; whatever is wrong beyond has most likely one of these causes. */
export const CONFIG_PROBLEMS_MAX = 100;

/** Longest text of a value that is shown back. */
const SHOWN_CHARS_MAX = 80;

/** One problem as a line: `probes.port (from MM_PROBE_PORT): got "x", expected a port from 0 to 65535, or none`. */
export function configProblemText({ name, value, fault, from, expected }: ConfigProblem): string {
  const where = name === from ? name : `${name} (from ${from})`;
  return `${where}: ${fault ?? (value === null ? 'missing' : `got ${value}`)}, expected ${expected}`;
}

/** A value as a problem shows it. */
export function shownValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= SHOWN_CHARS_MAX ? text : `${text.slice(0, SHOWN_CHARS_MAX)}…`;
}
