import { idProblem } from '../identity/index.ts';
import type { ModelInfo } from '../records/index.ts';
import { modelTypeError } from '../registration/index.ts';
import { fieldPath, itemPath, PROBLEMS_MAX, type Problem } from './problem.ts';
import { suggest } from './suggest.ts';

/** Models that one list may register. */
export const STATIC_MODELS_MAX = 10_000;

/** A model that every node registers at its start (spec `modelmesh.md` §4.16). */
export interface StaticModel {
  readonly modelId: string;
  readonly info: ModelInfo;
  /** The endpoint whose target it is; `null`: none. */
  readonly vModelId: string | null;
  /** Whether it stays registered when its endpoint goes on to another target. */
  readonly retainAfterTransition: boolean;
  /** Whether the start of a node waits for its load, and ends if that fails. */
  readonly ensureLoaded: boolean;
}

/** What a text says, or everything that is wrong with it. Warnings are of what ModelMesh ignores in silence. */
export type StaticModelsResult =
  | { readonly ok: true; readonly models: readonly StaticModel[]; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

type Fields = Readonly<Record<string, unknown>>;
const MODEL_FIELDS = ['modelId', 'modelInfo', 'vModelId', 'retainAfterTransition', 'ensureLoaded'] as const;
const INFO_FIELDS = ['type', 'path', 'key'] as const;

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Reads ModelMesh's list of models for static registration: `[{"modelId", "modelInfo": {"type", "path", "key"}, "vModelId",
 * "retainAfterTransition", "ensureLoaded"}]`. Fields that are not known are ignored, as ModelMesh does, but each makes a warning.
 */
export function parseStaticModels(text: string): StaticModelsResult {
  const findings = new StaticFindings();
  const models = readList(text, findings);
  const { problems, warnings } = findings;
  if (problems.length > 0) return { ok: false, problems: problems.slice(0, PROBLEMS_MAX) };
  return { ok: true, models, warnings: warnings.slice(0, PROBLEMS_MAX) };
}

class StaticFindings {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];

  /** A text, or `undefined` after saying why it is none. */
  text(fields: Fields, name: string, path: string): string | undefined {
    const value = fields[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string') return value;
    this.problems.push({ path: fieldPath(path, name), value, expected: 'a text' });
    return undefined;
  }

  flag(fields: Fields, name: string, path: string): boolean {
    const value = fields[name];
    if (value === undefined || value === null || typeof value === 'boolean') return value === true;
    this.problems.push({ path: fieldPath(path, name), value, expected: 'true or false' });
    return false;
  }

  warnOfOthers(fields: Fields, known: readonly string[], path: string): void {
    for (const [name, value] of Object.entries(fields)) {
      if (known.includes(name)) continue;
      const meant = suggest(name, known);
      const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
      this.warnings.push({ path: fieldPath(path, name), value, expected: `one of ${known.join(', ')}: it is ignored${hint}` });
    }
  }
}

function readList(text: string, findings: StaticFindings): readonly StaticModel[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    findings.problems.push({ path: '', value: text, expected: `JSON: ${why}` });
    return [];
  }
  if (!Array.isArray(list) || list.length > STATIC_MODELS_MAX) {
    findings.problems.push({ path: '', value: list, expected: `a list of at most ${STATIC_MODELS_MAX} models` });
    return [];
  }
  return list.flatMap((item, at) => readModel(item, itemPath('', at), findings) ?? []);
}

function readModel(item: unknown, path: string, findings: StaticFindings): StaticModel | undefined {
  if (!isObject(item)) {
    findings.problems.push({ path, value: item, expected: 'an object with modelId and modelInfo' });
    return undefined;
  }
  findings.warnOfOthers(item, MODEL_FIELDS, path);
  const modelId = findings.text(item, 'modelId', path) ?? '';
  const vModelId = findings.text(item, 'vModelId', path) ?? null;
  for (const [name, id] of [
    ['modelId', modelId],
    ['vModelId', vModelId],
  ] as const) {
    const problem = id === null ? undefined : idProblem(id);
    if (problem !== undefined)
      findings.problems.push({ path: fieldPath(path, name), value: item[name], expected: `an id: it ${problem}` });
  }
  const retainAfterTransition = findings.flag(item, 'retainAfterTransition', path);
  if (retainAfterTransition && vModelId === null)
    findings.problems.push({ path: fieldPath(path, 'retainAfterTransition'), value: true, expected: 'it only beside vModelId' });
  const info = readInfo(item.modelInfo, fieldPath(path, 'modelInfo'), findings);
  return { modelId, info, vModelId, retainAfterTransition, ensureLoaded: findings.flag(item, 'ensureLoaded', path) };
}

function readInfo(value: unknown, path: string, findings: StaticFindings): ModelInfo {
  if (!isObject(value)) {
    findings.problems.push({ path, value, expected: 'an object with type, path and key' });
    return { type: '', path: '', encKey: '' };
  }
  findings.warnOfOthers(value, INFO_FIELDS, path);
  const type = findings.text(value, 'type', path) ?? '';
  if (modelTypeError(type) !== undefined)
    findings.problems.push({ path: fieldPath(path, 'type'), value: value.type, expected: 'a type that is not empty' });
  return { type, path: findings.text(value, 'path', path) ?? '', encKey: findings.text(value, 'key', path) ?? '' };
}
