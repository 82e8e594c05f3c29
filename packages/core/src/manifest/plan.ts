import {
  type ApplyEndpointRequest,
  ENDPOINT_MANIFEST_OWNER,
  INFERENCE_SERVICE_OWNER,
  type SetEndpointRequest,
} from '../endpoints/index.ts';
import { sha1Hex } from '../identity/index.ts';
import { DEFAULT_COPIES_POLICY, type ModelDescription, type ModelFormat, type ModelInfo } from '../records/index.ts';
import type { ApplyModelRequest } from '../registration/index.ts';
import { type ModelKey, modelKey } from '../units.ts';
import { goJson } from './go-json.ts';
import type { EndpointResource, InferenceServiceResource, ModelResource } from './resource.ts';
import type { StorageSource } from './storage-source.ts';

/**
 * The type string of a model (spec `modelmesh-serving.md` §2.5): `rt:<runtime>` where one is named, else
 * `mt:<format>[:<version>][|pv:<protocol version>]`.
 */
export function typeString(format: ModelFormat | undefined, runtime: string | undefined, protocolVersion?: string): string {
  if (runtime !== undefined) return `rt:${runtime}`;
  const version = format?.version === undefined ? '' : `:${format.version}`;
  return `mt:${format?.name ?? ''}${version}${protocolVersion === undefined ? '' : `|pv:${protocolVersion}`}`;
}

const asObject = (map: ReadonlyMap<string, string>): Readonly<Record<string, string>> => Object.fromEntries(map);

/**
 * The key JSON of a model, which the runtime gets with the path: the fields of ModelMesh's controller in its order (spec
 * `modelmesh-serving.md` §2.5), then ours. A ModelMesh puller understands the first four and drops the rest.
 */
function keyJson(storage: StorageSource, format: ModelFormat | undefined, instances?: number): string {
  return goJson({
    storage_key: storage.key,
    storage_params: storage.parameters.size === 0 ? undefined : asObject(storage.parameters),
    model_type: format === undefined ? undefined : { name: format.name, version: format.version },
    schema_path: storage.schemaPath,
    sha256: storage.sha256,
    instances,
  });
}

/** What to register for a `Model`. */
export function planModel(resource: ModelResource): ApplyModelRequest {
  const { metadata, key, format, storage, runtime } = resource;
  const info: ModelInfo = {
    type: typeString(format, runtime),
    path: storage.path,
    encKey: keyJson(storage, format, resource.instances),
  };
  const description: ModelDescription = {
    family: resource.family,
    version: resource.version,
    format,
    labels: metadata.labels,
    declaredMemoryBytes: resource.memoryBytes,
    copiesPolicy: resource.copies,
    retry: resource.retry,
    sha256: storage.sha256,
    warmup: [],
  };
  return { namespace: metadata.namespace, key, info, description };
}

/** What to set for an `Endpoint`. */
export const planEndpoint = ({
  metadata,
  id,
  policy,
}: EndpointResource): Omit<ApplyEndpointRequest, 'loadNow' | 'force' | 'sync'> => ({
  namespace: metadata.namespace,
  id,
  owner: ENDPOINT_MANIFEST_OWNER,
  policy,
});

/**
 * The key of an InferenceService's model, `<name>__isvc-<10 hex>`: the digest of the Predictor that ModelMesh's controller makes of it (spec
 * `modelmesh-serving.md` §2.4; verified against a recording). Any change of the service is a new model.
 */
export function inferenceServiceModelKey({
  metadata,
  format,
  storage,
  runtime,
  protocolVersion,
}: InferenceServiceResource): ModelKey {
  const predictor = {
    modelType: { name: format.name, version: format.version },
    path: '',
    storage: {
      path: storage.path,
      schemaPath: storage.schemaPath,
      parameters: asObject(storage.parameters),
      key: storage.key,
    },
    runtime: runtime === undefined ? undefined : { name: runtime },
    protocolVersion,
  };
  return modelKey(`${metadata.name}__${INFERENCE_SERVICE_OWNER}-${sha1Hex(goJson(predictor)).slice(0, 10)}`);
}

/** What to set for an InferenceService: the same records that ModelMesh's controller makes. */
export function planInferenceService(resource: InferenceServiceResource): Omit<SetEndpointRequest, 'loadNow' | 'force' | 'sync'> {
  const { metadata, format, storage, runtime, protocolVersion } = resource;
  const info: ModelInfo = {
    type: typeString(format, runtime, protocolVersion),
    path: storage.path,
    encKey: keyJson(storage, format),
  };
  return {
    namespace: metadata.namespace,
    vModelId: metadata.name,
    owner: INFERENCE_SERVICE_OWNER,
    targetModelId: inferenceServiceModelKey(resource),
    modelInfo: info,
    modelDescription: { format, labels: metadata.labels, copiesPolicy: DEFAULT_COPIES_POLICY, sha256: storage.sha256 },
    autoDeleteTargetModel: true,
    updateOnly: false,
    expectedTargetModelId: '',
  };
}
