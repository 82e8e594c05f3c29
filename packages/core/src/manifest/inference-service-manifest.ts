import type { ModelFormat } from '../records/index.ts';
import type { FieldReader } from './field-reader.ts';
import { INFERENCE_SERVICE_NAME, type Metadata, readMetadata } from './metadata.ts';
import { readFormat, readRuntime } from './model-manifest.ts';
import type { InferenceServiceResource } from './resource.ts';
import {
  mergedParameters,
  readStorageFields,
  readStorageUri,
  STORAGE_URI_EXPECTED,
  type StorageSource,
} from './storage-source.ts';

/** The older spelling: the field's name is the format (spec `modelmesh-serving.md` §1.2). */
const FRAMEWORKS = ['xgboost', 'lightgbm', 'sklearn', 'tensorflow', 'onnx', 'pytorch', 'triton', 'pmml'];

const SECRET_KEY = 'serving.kserve.io/secretKey';
const SCHEMA_PATH = 'serving.kserve.io/schemaPath';
const SERVING_RUNTIME = 'serving.kserve.io/servingRuntime';

/** Fields of KServe that ask for something which would be missed; refused, because to serve without it would be wrong. */
const REFUSED_SPEC = ['transformer', 'explainer', 'canary'];
const REFUSED_PREDICTOR = [
  'batcher',
  'canaryTrafficPercent',
  'containers',
  'huggingface',
  'logger',
  'paddle',
  'storageUris',
  'workerSpec',
];

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
  'name',
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
  spec.close();
  if (predictor === undefined) return undefined;
  const implementation = readImplementation(predictor, metadata);
  predictor.unsupported(REFUSED_PREDICTOR);
  predictor.without(POD_FIELDS, NO_POD);
  predictor.close();
  return metadata === undefined || implementation === undefined
    ? undefined
    : { kind: 'InferenceService', metadata, ...implementation };
}

type Implementation = Pick<InferenceServiceResource, 'format' | 'storage' | 'runtime' | 'protocolVersion'>;

/** Exactly one of `model` and the older spellings. */
function readImplementation(predictor: FieldReader, metadata: Metadata | undefined): Implementation | undefined {
  const given = ['model', ...FRAMEWORKS].filter((name) => predictor.has(name));
  const [name, second] = given;
  if (name === undefined) {
    predictor.problem('model', `an object with modelFormat and storageUri, or one of ${FRAMEWORKS.join(', ')}`);
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
