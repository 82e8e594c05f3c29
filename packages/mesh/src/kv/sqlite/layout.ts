import type { DatabaseSync } from 'node:sqlite';
import { type Revision, revision } from '@modelmesh/core';
import type { KvEntry, LeaseId } from '../port.ts';
import { INSERT_EMPTY_META, type VersionRow } from './meta.ts';

/** Marks the file as ours in SQLite's header: "mMsh". */
export const APPLICATION_ID = 0x6d4d7368;
/** The layout of the tables, kept as SQLite's `user_version`. */
export const LAYOUT_VERSION = 1;

/**
 * A version's row id is `revision × ROWS_PER_REVISION + place in the transaction`: the table grows at its end only, and a revision is a
 * range of ids. A revocation of more keys than this takes several revisions.
 */
export const ROWS_PER_REVISION = 4096;

/** The id of the first row of a revision. */
export const firstRow = (at: number): number => at * ROWS_PER_REVISION;
/** The revision that a row belongs to. */
export const revisionOf = (id: number): Revision => revision(Math.floor(id / ROWS_PER_REVISION));

/** Makes the tables of an empty file, all or nothing. */
export function createTables(db: DatabaseSync): void {
  db.exec(`
    BEGIN IMMEDIATE;
    CREATE TABLE meta (
      id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL, oldest INTEGER NOT NULL, session INTEGER NOT NULL,
      lease INTEGER NOT NULL, rows INTEGER NOT NULL, digest INTEGER NOT NULL, seal INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE versions (
      id INTEGER PRIMARY KEY, key TEXT NOT NULL, value TEXT, created INTEGER NOT NULL, lease INTEGER, writer TEXT, sum INTEGER NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX versions_by_key ON versions (key, id);
    CREATE INDEX versions_by_lease ON versions (lease) WHERE lease IS NOT NULL;
    CREATE TABLE leases (id INTEGER PRIMARY KEY, ttl_ms INTEGER NOT NULL, sum INTEGER NOT NULL) STRICT;
    ${INSERT_EMPTY_META};
    PRAGMA application_id = ${APPLICATION_ID};
    PRAGMA user_version = ${LAYOUT_VERSION};
    COMMIT;
  `);
}

/** Columns of {@link VersionRow}, for statements. */
export const VERSION_COLUMNS = 'id, key, value, created, lease, writer';

/** A row as SQLite gives it. */
export type SqlRow = Readonly<Record<string, unknown>>;

/** Reads {@link VERSION_COLUMNS}. */
export function versionRow(row: SqlRow): VersionRow {
  return {
    id: Number(row.id),
    key: String(row.key),
    value: row.value === null ? null : String(row.value),
    created: Number(row.created),
    lease: row.lease === null ? null : Number(row.lease),
    writer: row.writer === null ? null : String(row.writer),
  };
}

/** The entry that a version shows; null for a deletion. */
export function entryOf(row: VersionRow): KvEntry | null {
  if (row.value === null) return null;
  return {
    key: row.key,
    value: row.value,
    createRevision: revision(row.created),
    modRevision: revisionOf(row.id),
    ...(row.lease === null ? {} : { lease: leaseIdOf(row.lease) }),
  };
}

/** A lease's name in the port. */
export const leaseIdOf = (id: number): LeaseId => String(id) as LeaseId;
/** A lease's row id; a name that this store never gave finds no row. */
export const leaseRowOf = (lease: LeaseId): number => (/^\d{1,15}$/.test(lease) ? Number(lease) : 0);
