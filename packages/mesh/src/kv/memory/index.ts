/** The door of the adapter that keeps the registry in memory. */
import type { Kv, KvOpenOptions } from '../port.ts';
import { MemoryKv } from './memory-kv.ts';

/** Opens an empty registry that lives as long as the process. @throws {MeshError} `invalid-argument` for impossible history limits. */
export const openMemoryKv = async (options: KvOpenOptions): Promise<Kv> => new MemoryKv(options);
