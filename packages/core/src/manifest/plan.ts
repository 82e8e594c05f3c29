import { type ApplyEndpointRequest, ENDPOINT_MANIFEST_OWNER } from '../endpoints/index.ts';
import type { ModelDescription, ModelFormat, ModelInfo } from '../records/index.ts';
import type { ApplyModelRequest } from '../registration/index.ts';
import { goJson } from './go-json.ts';
import type { EndpointResource, ModelResource } from './resource.ts';
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

/** A map of texts as a plain object. */
export const asObject = (map: ReadonlyMap<string, string>): Readonly<Record<string, string>> => Object.fromEntries(map);

/**
 * The key JSON of a model, which the runtime gets with the path: the fields of ModelMesh's controller in its order (spec
 * `modelmesh-serving.md` §2.5), then ours. A ModelMesh puller understands the first four and drops the rest.
 */
export function keyJson(storage: StorageSource, format: ModelFormat | undefined, instances?: number): string {
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
