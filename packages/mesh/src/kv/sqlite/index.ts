/** The door of the adapter that keeps the registry in an SQLite file. */
import type { Kv, KvOpenOptions } from '../port.ts';
import { SqliteKv } from './sqlite-kv.ts';
import { startWorker } from './sqlite-thread.ts';

/**
 * Opens the registry file at `options.location` and locks it for this process, creating it and its folder where they are missing.
 *
 * Rejects with a `MeshError`: `failed-precondition` where the file is in use by another process, damaged, of a newer version, not ours
 * or not writable; `registry-unavailable` where the disk fails or is full; `invalid-argument` for impossible history limits.
 */
export const openSqliteKv = (options: KvOpenOptions): Promise<Kv> => SqliteKv.open(options, startWorker);
