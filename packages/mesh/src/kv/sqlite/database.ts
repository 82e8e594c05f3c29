import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type DurationMs, durationMs, MeshError } from '@modelmesh/core';
import { makeFolder } from '../../files/index.ts';
import type { KvHistoryLimits, KvLease } from '../port.ts';
import { damaged, isBusy, toSqliteFailure } from './failure.ts';
import { HistorySizes } from './history-sizes.ts';
import { heldByAnother, removeHolder, writeHolder } from './holder.ts';
import { APPLICATION_ID, createTables, LAYOUT_VERSION, leaseIdOf } from './layout.ts';
import { type Meta, MetaTable } from './meta.ts';
import { findDamage } from './verify.ts';

/** An open registry file, locked and verified. */
export interface Database {
  readonly path: string;
  readonly db: DatabaseSync;
  readonly table: MetaTable;
  readonly meta: Meta;
  readonly sizes: HistorySizes;
}

/**
 * Opens, locks and verifies the registry file, creating it where there is none.
 *
 * @throws {MeshError} `failed-precondition`: held by another process, damaged, of a newer layout, not ours, not writable;
 *   `registry-unavailable`: the disk failed or is full
 */
export function openDatabase(path: string, history: KvHistoryLimits): Database {
  let db: DatabaseSync | undefined;
  try {
    makeFolder(dirname(path));
    db = new DatabaseSync(path, { timeout: 0 });
    lock(db, path);
    writeHolder(path);
  } catch (thrown) {
    if (db?.isOpen === true) db.close();
    throw toSqliteFailure(thrown, path);
  }
  try {
    return load(db, path, history);
  } catch (thrown) {
    removeHolder(path);
    db.close();
    throw toSqliteFailure(thrown, path);
  }
}

/** Folds the log into the file, frees the lock. */
export function closeDatabase({ db, path }: Database): void {
  removeHolder(path);
  db.close();
}

/** The leases that lived when the file was last closed, or its process died. */
export function livingLeases(db: DatabaseSync): KvLease[] {
  const rows = db.prepare('SELECT id, ttl_ms FROM leases ORDER BY id').all();
  return rows.map((row) => ({ id: leaseIdOf(Number(row.id)), ttlMs: ttlOf(row.ttl_ms) }));
}

const ttlOf = (value: unknown): DurationMs => durationMs(Number(value));

/** Exclusive locking mode before the first access: the lock is held until the connection closes or the process ends. */
function lock(db: DatabaseSync, path: string): void {
  try {
    db.exec('PRAGMA locking_mode = EXCLUSIVE');
    checkOwner(db, path);
    db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA journal_size_limit = 67108864;
      PRAGMA cache_size = -8192;
      BEGIN IMMEDIATE;
      COMMIT;
    `);
  } catch (thrown) {
    if (isBusy(thrown)) throw heldByAnother(path);
    throw thrown;
  }
}

/** Refuses a foreign or newer file before anything is written to it. */
function checkOwner(db: DatabaseSync, path: string): void {
  const tables = db.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.count;
  if (tables === 0) return;
  if (db.prepare('PRAGMA application_id').get()?.application_id !== APPLICATION_ID) {
    throw new MeshError(
      'failed-precondition',
      `${path} is an SQLite database of another program; give the registry a file of its own`,
    );
  }
  const layout = Number(db.prepare('PRAGMA user_version').get()?.user_version);
  if (layout > LAYOUT_VERSION) {
    throw new MeshError(
      'failed-precondition',
      `the registry file ${path} was written by a newer version of Model Mesh (layout ${layout}, this version reads up to ${LAYOUT_VERSION}); run that version, or give this node another registry file`,
    );
  }
}

function load(db: DatabaseSync, path: string, history: KvHistoryLimits): Database {
  const tables = db.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.count;
  if (tables === 0) createTables(db);
  const table = new MetaTable(db);
  const meta = table.read();
  if (meta === undefined) throw damaged(path, 'its counters do not fit their checksum');
  const sizes = new HistorySizes(history, meta.oldest);
  const damage = findDamage(db, meta, sizes);
  if (damage !== undefined) throw damaged(path, damage);
  meta.session += 1;
  table.write(meta);
  return { path, db, table, meta, sizes };
}
