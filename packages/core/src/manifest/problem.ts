/** One thing that is wrong with a manifest, or worth knowing about it. */
export interface Problem {
  /** Where, for instance `spec.copies.max`. */
  readonly path: string;
  /** What stands there; `undefined` if nothing does. */
  readonly value: unknown;
  /** What should stand there, or why it cannot, as a clause. */
  readonly expected: string;
}

/** Problems that are reported of one manifest; whatever is wrong beyond has most likely one of these causes. */
export const PROBLEMS_MAX = 100;

/** Longest text of a value that is shown back. */
const SHOWN_CHARS_MAX = 80;

/** One problem as a sentence: `spec.copies.max: got "many", expected a whole number from 1 to 1000`. */
export function problemText({ path, value, expected }: Problem): string {
  const shown = value === undefined ? 'missing' : `got ${shownValue(value)}`;
  return `${path === '' ? 'manifest' : path}: ${shown}, expected ${expected}`;
}

function shownValue(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? `a list of ${value.length}` : 'an object';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length <= SHOWN_CHARS_MAX ? text : `${text.slice(0, SHOWN_CHARS_MAX)}…`;
}

/** The path of a field below `path`. */
export const fieldPath = (path: string, name: string): string => {
  if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === '' ? name : `${path}.${name}`;
};

/** The path of an item of the list at `path`. */
export const itemPath = (path: string, at: number): string => `${path}[${at}]`;
