import { fieldPath, itemPath, PROBLEMS_MAX, type Problem, suggest } from '../manifest/index.ts';
import { TypeConstraints, type TypeRule } from './type-constraints.ts';

/** Types that may have a rule: each instance is judged by all of them. */
export const CONSTRAINED_TYPES_MAX = 4096;
/** Labels that one rule may require, and that it may prefer. */
export const RULE_LABELS_MAX = 64;

/** What a text says, or everything that is wrong with it. Warnings are of what ModelMesh ignores in silence. */
export type ConstraintsResult =
  | { readonly ok: true; readonly constraints: TypeConstraints; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

type Fields = Readonly<Record<string, unknown>>;
const FIELDS = ['required', 'preferred'] as const;
const LABELS_EXPECTED = `a list of at most ${RULE_LABELS_MAX} labels`;
const LABEL_EXPECTED = 'a label: a text without commas that is not empty';

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Reads ModelMesh's type constraints: `{"<type>": {"required": [labels], "preferred": [labels]}, "_default": …}` (spec §6.1). Fields that
 * are not known are ignored, as ModelMesh does, but each makes a warning: a misspelt `required` would let a model load anywhere.
 */
export function parseConstraints(text: string): ConstraintsResult {
  const json = parseJson(text);
  if (!json.ok) return { ok: false, problems: [{ path: '', value: text, expected: `JSON: ${json.message}` }] };
  const [problems, warnings]: [Problem[], Problem[]] = [[], []];
  const rules = readRules(json.value, problems, warnings);
  if (problems.length > 0) return { ok: false, problems: problems.slice(0, PROBLEMS_MAX) };
  return { ok: true, constraints: new TypeConstraints(rules), warnings: warnings.slice(0, PROBLEMS_MAX) };
}

type Json = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly message: string };

function parseJson(text: string): Json {
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}

function readRules(value: unknown, problems: Problem[], warnings: Problem[]): readonly (readonly [string, TypeRule])[] {
  if (!isObject(value)) {
    problems.push({ path: '', value, expected: 'an object with a rule for each type' });
    return [];
  }
  const entries = Object.entries(value);
  if (entries.length > CONSTRAINED_TYPES_MAX) {
    problems.push({ path: '', value, expected: `at most ${CONSTRAINED_TYPES_MAX} types, not ${entries.length}` });
    return [];
  }
  return entries.map(([type, rule]) => [type, readRule(rule, fieldPath('', type), problems, warnings)]);
}

function readRule(value: unknown, path: string, problems: Problem[], warnings: Problem[]): TypeRule {
  if (!isObject(value)) {
    problems.push({ path, value, expected: 'an object with required or preferred labels' });
    return { required: new Set(), preferred: new Set() };
  }
  for (const [field, unknown] of Object.entries(value)) {
    if (FIELDS.some((name) => name === field)) continue;
    const meant = suggest(field, FIELDS);
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
    warnings.push({ path: fieldPath(path, field), value: unknown, expected: `required or preferred: it is ignored${hint}` });
  }
  const labels = (name: (typeof FIELDS)[number]): ReadonlySet<string> => readLabels(value[name], fieldPath(path, name), problems);
  return { required: labels('required'), preferred: labels('preferred') };
}

/** Labels are trimmed, as those of the instances are. `null` stands for none. */
function readLabels(value: unknown, path: string, problems: Problem[]): ReadonlySet<string> {
  if (value === undefined || value === null) return new Set();
  if (!Array.isArray(value) || value.length > RULE_LABELS_MAX) {
    problems.push({ path, value, expected: LABELS_EXPECTED });
    return new Set();
  }
  const labels = new Set<string>();
  value.forEach((item: unknown, at) => {
    const label = typeof item === 'string' ? item.trim() : '';
    if (label === '' || label.includes(',')) problems.push({ path: itemPath(path, at), value: item, expected: LABEL_EXPECTED });
    else labels.add(label);
  });
  return labels;
}
