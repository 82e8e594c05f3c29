/** The door of the registry's store: the port with its limits, and the stores that stand behind it. */
import { toMeshError } from '@modelmesh/core';
import { openEtcdKv } from './etcd/index.ts';
import { openMemoryKv } from './memory/index.ts';
import type { Kv, KvFactory, KvKind, KvOpenOptions } from './port.ts';
import { checkSchema } from './schema.ts';
import { openSqliteKv } from './sqlite/index.ts';

export { checkEtcdFiles, readEtcdPlace } from './etcd/index.ts';
export { type EtcdEndpoint, type EtcdPlace, type EtcdUser, endpointText } from './etcd-place.ts';
export { compareKeys } from './key-order.ts';
export * from './port.ts';
export { checkReadable, REGISTRY_SCHEMA, type RegistrySchema } from './schema.ts';

/** Every store that a configuration can name. */
export const kvStores = { memory: openMemoryKv, sqlite: openSqliteKv, etcd: openEtcdKv } satisfies Record<KvKind, KvFactory>;

/** {@link KvOpenOptions} with the key of the schema record, `<root>/schema`. */
export interface RegistryOpenOptions extends KvOpenOptions {
  readonly schemaKey: string;
}

/**
 * Opens a store and makes sure that this program can read what is in it; closes it again where not.
 *
 * Rejects with a `MeshError` as {@link KvFactory} says, and with `failed-precondition` where a newer program wrote the registry.
 */
export async function openRegistry(kind: KvKind, { schemaKey, ...options }: RegistryOpenOptions): Promise<Kv> {
  const kv = await kvStores[kind](options);
  try {
    await checkSchema(kv, schemaKey);
    return kv;
  } catch (thrown) {
    await kv.close();
    throw toMeshError(thrown);
  }
}
