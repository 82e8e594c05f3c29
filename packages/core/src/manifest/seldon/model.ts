import type { FieldReader, Findings } from '../field-reader.ts';
import { COPIES_MAX } from '../model-manifest.ts';

type Spec = Readonly<Record<string, unknown>>;

/** Requirements that name what a model is; servers of Seldon offer them as capabilities. */
const FORMATS = [
  'huggingface',
  'lightgbm',
  'mlflow',
  'onnx',
  'pmml',
  'python',
  'pytorch',
  'sklearn',
  'spark-mlib',
  'tensorflow',
  'tensorrt',
  'openvino',
  'xgboost',
];

/** Most requirements of one model. */
const REQUIREMENTS_MAX = 64;

const LEFT_OUT: readonly (readonly [names: readonly string[], why: string])[] = [
  [['artifactVersion'], 'nothing: it is left out, let storageUri name the folder of the version'],
  [['schemaUri', 'parameters'], 'nothing: it is left out, what a runtime reads stands with the model'],
  [['server', 'dedicated', 'preloaded'], 'nothing: it is left out, models share runtimes, which are chosen by format'],
  [['logger', 'dataflow'], 'nothing: it is left out, there is no log of payloads yet'],
];

/** The spec of our `Model` that a Seldon one says; `undefined` if it is none. */
export function modelSpec(reader: FieldReader, findings: Findings): Spec | undefined {
  const uri = reader.requiredText('storageUri');
  const key = reader.text('secretName');
  const format = readFormatOf(reader, findings);
  const memory = reader.isNumber('memory')
    ? reader.integer('memory', { min: 1, max: Number.MAX_SAFE_INTEGER })
    : reader.text('memory');
  const copies = readCopies(reader);
  for (const [names, why] of LEFT_OUT) reader.without(names, why);
  reader.unsupported(['explainer', 'llm'], 'of a thing that is no model here');
  reader.close();
  if (uri === undefined || format === undefined) return undefined;
  return {
    format: { name: format },
    storage: key === undefined ? { uri } : { uri, key },
    ...(memory === undefined ? {} : { resources: { memory } }),
    ...(copies === undefined ? {} : { copies }),
  };
}

/** `modelType`, else the requirement that is a format. What else is required is left out. */
function readFormatOf(reader: FieldReader, findings: Findings): string | undefined {
  const requirements = reader.list('requirements', REQUIREMENTS_MAX);
  const type = reader.text('modelType');
  const named = requirements.find(({ value }) => typeof value === 'string' && FORMATS.includes(value.toLowerCase()));
  // One requirement that nobody knows is taken for the format: somebody offers it.
  const chosen = type === undefined ? (named ?? (requirements.length === 1 ? requirements[0] : undefined)) : undefined;
  for (const requirement of requirements) {
    if (requirement === chosen || requirement.value === type) continue;
    findings.warning(requirement.path, requirement.value, 'nothing: it is left out, a runtime is chosen by the format alone');
  }
  const format = type ?? (typeof chosen?.value === 'string' ? chosen.value : undefined);
  if (format === undefined) reader.problem('requirements', 'one that is a format, for instance sklearn or onnx');
  return format?.toLowerCase();
}

/** Replicas are copies, and those that stay loaded are the least number of them. */
function readCopies(reader: FieldReader): Spec | undefined {
  const bounds = { min: 0, max: COPIES_MAX };
  const replicas = reader.integer('replicas', bounds);
  const min = reader.integer('minReplicas', bounds);
  const max = reader.integer('maxReplicas', bounds) || undefined;
  const scales = min !== undefined || max !== undefined;
  if (scales) reader.without(['replicas'], 'nothing: it is left out, copies follow the load between minReplicas and maxReplicas');
  const copies = { min: min ?? (scales ? undefined : replicas), max };
  const given = Object.entries(copies).filter(([, value]) => value !== undefined);
  return given.length === 0 ? undefined : Object.fromEntries(given);
}
