import type { ModelFormat } from '../records/index.ts';
import type { FieldReader, TextRule } from './field-reader.ts';
import { INFERENCE_SERVICE_NAME, type Metadata, readMetadata } from './metadata.ts';
import { readFormat, readRuntime } from './model-manifest.ts';
import { IMPLEMENTATIONS, overlaidModel } from './predictor-overlay.ts';
import type { InferenceServiceResource, PredictorModel, ServiceCanary } from './resource.ts';
import {
  mergedParameters,
  readStorageFields,
  readStorageUri,
  STORAGE_URI_EXPECTED,
  type StorageSource,
} from './storage-source.ts';

/** Most entries of `spec.canary`. */
export const CANARIES_MAX = 8;

/** What the predictor's variant is called beside canaries where the manifest gives it no name. */
export const STABLE_NAME = 'stable';

/** Variants of services without named canaries: KServe's tags of the newest revision and of the one before it (spec `kserve.md` §2.4). */
export const LATEST_NAME = 'latest';
export const PREVIOUS_NAME = 'prev';

const PERCENT = { min: 0, max: 100 };

const CANARY_NAME: TextRule = {
  test: (text) => INFERENCE_SERVICE_NAME.test(text) && text.length <= 63 && text !== LATEST_NAME && text !== PREVIOUS_NAME,
  expected: `a name of at most 63 lower-case letters, digits and dashes other than ${LATEST_NAME} and ${PREVIOUS_NAME}`,
};

const SECRET_KEY = 'serving.kserve.io/secretKey';
const SCHEMA_PATH = 'serving.kserve.io/schemaPath';
const SERVING_RUNTIME = 'serving.kserve.io/servingRuntime';

/** Fields of KServe that ask for something which would be missed; refused, because to serve without it would be wrong. */
const REFUSED_SPEC = ['transformer', 'explainer'];
const REFUSED_PREDICTOR = ['batcher', 'containers', 'huggingface', 'logger', 'paddle', 'storageUris', 'workerSpec'];

/** What a canary takes from the predictor of the service (spec `kserve.md` §1.7). */
const REFUSED_CANARY = ['autoScaling', 'canaryTrafficPercent', 'maxReplicas', 'scaleMetric', 'scaleTarget'];

/** Fields that shape the pod which KServe would start for this model alone. There is none: models share runtimes. */
const POD_FIELDS = [
  'affinity',
  'annotations',
  'automountServiceAccountToken',
  'autoScaling',
  'containerConcurrency',
  'deploymentStrategy',
  'imagePullSecrets',
  'initContainers',
  'labels',
  'maxReplicas',
  'minReplicas',
  'nodeSelector',
  'priorityClassName',
  'scaleMetric',
  'scaleMetricType',
  'scaleTarget',
  'schedulerName',
  'securityContext',
  'serviceAccountName',
  'storageContainerName',
  'terminationGracePeriodSeconds',
  'timeout',
  'tolerations',
  'topologySpreadConstraints',
  'volumes',
];
const CONTAINER_FIELDS = [
  'args',
  'command',
  'env',
  'envFrom',
  'image',
  'imagePullPolicy',
  'livenessProbe',
  'name',
  'ports',
  'readinessProbe',
  'resources',
  'runtimeVersion',
  'securityContext',
  'startupProbe',
  'volumeMounts',
  'workingDir',
];
const NO_POD = 'nothing: it shapes a pod of its own, and here models share runtimes, so it has no effect';

/** Reads an `InferenceService`; what is wrong is among the findings, and the answer counts only if nothing is. */
export function readInferenceService(root: FieldReader): InferenceServiceResource | undefined {
  const metadata = readMetadata(root, INFERENCE_SERVICE_NAME);
  root.ignore(['status']);
  const spec = root.object('spec');
  if (spec === undefined) {
    if (!root.has('spec')) root.problem('spec', 'an object with a predictor');
    return undefined;
  }
  const predictor = spec.object('predictor');
  if (!spec.has('predictor')) spec.problem('predictor', 'an object with a model');
  spec.unsupported(REFUSED_SPEC);
  const canarySpecs = spec.objects('canary', CANARIES_MAX);
  spec.close();
  if (predictor === undefined) return undefined;
  const model = readPredictorModel(predictor, metadata);
  const predictorName = canarySpecs.length === 0 ? undefined : predictor.text('name', CANARY_NAME);
  const canaryTrafficPercent = predictor.integer('canaryTrafficPercent', PERCENT);
  if (canaryTrafficPercent !== undefined && canarySpecs.length > 0) {
    predictor.problem('canaryTrafficPercent', 'nothing beside spec.canary: give one of the two');
  }
  predictor.unsupported(REFUSED_PREDICTOR);
  predictor.without(predictorName === undefined ? [...POD_FIELDS, 'name'] : POD_FIELDS, NO_POD);
  predictor.close();
  const canaries = readCanaries(canarySpecs, predictor, metadata, predictorName ?? STABLE_NAME);
  if (metadata === undefined || model === undefined) return undefined;
  return { kind: 'InferenceService', metadata, ...model, predictorName, canaryTrafficPercent, canaries };
}

/** Each canary is a predictor laid over the one of the service: what it gives wins, the rest is as there (spec `kserve.md` §1.7). */
function readCanaries(
  readers: readonly FieldReader[],
  stable: FieldReader,
  metadata: Metadata | undefined,
  stableName: string,
): readonly ServiceCanary[] {
  const names = new Set([stableName]);
  let sum = 0;
  return readers.flatMap((reader) => {
    const trafficPercent = reader.integer('trafficPercent', PERCENT) ?? 0;
    sum += trafficPercent;
    if (sum > PERCENT.max) reader.problem('trafficPercent', 'a share that leaves the sum of all canaries at 100 or less');
    const predictor = reader.object('predictor');
    if (!reader.has('predictor')) reader.problem('predictor', 'an object with a name');
    reader.close();
    if (predictor === undefined) return [];
    const name = predictor.requiredText('name', CANARY_NAME);
    if (name !== undefined && names.has(name)) predictor.problem('name', 'a name that no other variant of the service has');
    if (name !== undefined) names.add(name);
    predictor.unsupported([...REFUSED_PREDICTOR, ...REFUSED_CANARY]);
    predictor.without(POD_FIELDS, NO_POD);
    const model = readPredictorModel(predictor.over(stable, overlaidModel), metadata);
    predictor.ignore(IMPLEMENTATIONS);
    predictor.close();
    return name === undefined || model === undefined ? [] : [{ ...model, name, trafficPercent }];
  });
}

/** Exactly one of `model` and the older spellings. */
function readPredictorModel(predictor: FieldReader, metadata: Metadata | undefined): PredictorModel | undefined {
  const given = IMPLEMENTATIONS.filter((name) => predictor.has(name));
  const [name, second] = given;
  if (name === undefined) {
    predictor.problem('model', `an object with modelFormat and storageUri, or one of ${IMPLEMENTATIONS.slice(1).join(', ')}`);
    return undefined;
  }
  if (second !== undefined) predictor.problem(second, `nothing beside ${name}: a predictor has exactly one model`);
  const reader = predictor.object(name);
  if (reader === undefined) return undefined;
  const annotated = metadata?.annotations.get(SERVING_RUNTIME);
  const format = name === 'model' ? readModelFormat(reader) : { name, version: undefined };
  const runtime = name === 'model' ? readRuntime(reader, 'runtime') : annotated;
  if (name === 'model' && annotated !== undefined) reader.problem('runtime', `no annotation ${SERVING_RUNTIME} beside model`);
  const protocolVersion = reader.oneOf('protocolVersion', ['v1', 'v2', 'grpc-v1', 'grpc-v2', '']) || undefined;
  const storage = readSource(reader, metadata);
  reader.without(CONTAINER_FIELDS, NO_POD);
  reader.unsupported(['confidential']);
  reader.close();
  return format === undefined || storage === undefined ? undefined : { format, storage, runtime, protocolVersion };
}

function readModelFormat(reader: FieldReader): ModelFormat | undefined {
  if (!reader.has('modelFormat')) reader.problem('modelFormat', 'an object with the name of the format');
  return readFormat(reader.object('modelFormat'));
}

/** `storageUri`, or `storage` whose key and schema path may come from annotations. */
function readSource(reader: FieldReader, metadata: Metadata | undefined): StorageSource | undefined {
  const fromUri = readStorageUri(reader, 'storageUri');
  const storage = reader.object('storage');
  const fields = storage === undefined ? undefined : readStorageFields(storage);
  const hasUri = reader.has('storageUri');
  if (hasUri && fields?.path !== undefined) reader.problem('storageUri', 'nothing beside storage.path: give one of the two');
  if (!hasUri && !reader.has('storage')) reader.problem('storageUri', `${STORAGE_URI_EXPECTED}, or storage in place of it`);
  if (!hasUri && storage?.has('path') === false) storage.problem('path', 'the path of the model within the storage');
  storage?.close();
  const path = fromUri?.path ?? fields?.path;
  if (path === undefined) return undefined;
  return {
    path,
    key: fields?.key ?? metadata?.annotations.get(SECRET_KEY),
    parameters: mergedParameters(fields?.parameters ?? new Map(), fromUri?.parameters),
    schemaPath: fields?.schemaPath ?? metadata?.annotations.get(SCHEMA_PATH),
    sha256: fromUri?.sha256,
  };
}
