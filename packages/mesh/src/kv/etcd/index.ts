/** The door of the adapter that keeps the registry in etcd. */
import type { Kv, KvOpenOptions } from '../port.ts';
import { EtcdKv } from './etcd-kv.ts';

export { checkEtcdFiles, readEtcdPlace } from './read-place.ts';

/**
 * Opens a registry in the etcd of `options.etcd`.
 *
 * Rejects with a `MeshError`: `registry-unavailable` within two seconds where no member answers, `failed-precondition` where user,
 * password, rights or endpoints are wrong.
 */
export const openEtcdKv = (options: KvOpenOptions): Promise<Kv> => EtcdKv.open(options);
