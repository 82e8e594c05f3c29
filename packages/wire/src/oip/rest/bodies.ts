import { Buffer } from 'node:buffer';
import { type JsonLimits, JsonReader } from '../json/index.ts';
import type { ModelMetadata, TensorMetadata } from '../proto/index.ts';

/** States of a model in a repository index; Triton's words and, for a model that is loaded on demand, `STANDBY`. */
export type RepositoryState = 'READY' | 'STANDBY' | 'LOADING' | 'UNLOADING' | 'UNAVAILABLE';

/** One line of a repository index. */
export interface RepositoryEntry {
  readonly name: string;
  /** Absent for a model without versions. */
  readonly version?: string | undefined;
  readonly state: RepositoryState;
  /** Why it is not ready; empty otherwise. */
  readonly reason: string;
}

/** What `GET /v2` tells. `extensions` names only what is served. */
export interface ServerMetadata {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}

const body = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

/** The body of every answer that is not a success: `{"error": …}`; spec `kserve.md` §6.5, 22. */
export const errorBody = (message: string): Uint8Array => body({ error: message });

/** `GET /v2`. */
export const serverMetadataBody = ({ name, version, extensions }: ServerMetadata): Uint8Array =>
  body({ name, version, extensions });

/** `GET /v2/health/live`. */
export const serverLiveBody = (live: boolean): Uint8Array => body({ live });
/** `GET /v2/health/ready`. */
export const serverReadyBody = (ready: boolean): Uint8Array => body({ ready });

/** `GET /v2/models/{m}/ready`. */
export const modelReadyBody = (name: string, ready: boolean): Uint8Array => body({ name, ready });

/** `POST /v2/repository/models/{m}/load`, in KServe's form. */
export const modelLoadedBody = (name: string): Uint8Array => body({ name, load: true });
/** `POST /v2/repository/models/{m}/unload`, in KServe's form. */
export const modelUnloadedBody = (name: string): Uint8Array => body({ name, unload: true });

/** `GET /v2/models/{m}`: what the runtime told under the name that was asked for; absent parts are left out. */
export function modelMetadataBody(metadata: ModelMetadata, name: string = metadata.name): Uint8Array {
  const { versions, platform, properties } = metadata;
  return body({
    name,
    ...(versions.length > 0 ? { versions } : {}),
    platform,
    inputs: metadata.inputs.map(tensorMetadata),
    outputs: metadata.outputs.map(tensorMetadata),
    ...(properties.size > 0 ? { properties: Object.fromEntries(properties) } : {}),
  });
}

const tensorMetadata = ({ name, datatype, shape }: TensorMetadata) => ({ name, datatype, shape });

/** `POST /v2/repository/index`: an array, as Triton answers. */
export const repositoryIndexBody = (entries: readonly RepositoryEntry[]): Uint8Array =>
  body(
    entries.map(({ name, version, state, reason }) => ({ name, ...(version === undefined ? {} : { version }), state, reason })),
  );

/**
 * The `ready` filter in the body of an index request; an empty body asks for all.
 *
 * @throws {MeshError} `invalid-argument` for anything but an object with a boolean `ready`.
 */
export function decodeRepositoryIndexRequest(bytes: Uint8Array, limits?: JsonLimits): { readonly readyOnly: boolean } {
  if (bytes.length === 0) return { readyOnly: false };
  const reader = new JsonReader(bytes, limits);
  let readyOnly = false;
  reader.object('the request', (key) => {
    if (key === 'ready') readyOnly = reader.boolean('ready');
    else reader.skip();
  });
  reader.finish();
  return { readyOnly };
}
