import type { DatabaseSync } from 'node:sqlite';
import type { HistorySizes } from './history-sizes.ts';
import { revisionOf, VERSION_COLUMNS, versionRow } from './layout.ts';
import { addRow, leaseSum, type Meta, versionSum } from './meta.ts';

/**
 * Reads the whole file at opening and compares it with the counters and checksums that were committed with it.
 *
 * SQLite alone does not notice a database that was copied while it was written, or whose files were cut: pages of different ages make
 * a well-formed tree with wrong content. Every row carries a checksum, and their sum stands in the row of counters.
 *
 * @returns what is wrong, or `undefined`; fills `sizes` by the way
 */
export function findDamage(db: DatabaseSync, meta: Meta, sizes: HistorySizes): string | undefined {
  const structure = db.prepare('PRAGMA integrity_check(1)').get()?.integrity_check;
  if (structure !== 'ok') return String(structure).replace('*** in database main ***', '').trim();

  const found: Meta = { ...meta, rows: 0, digest: 0 };
  for (const sqlRow of db.prepare(`SELECT ${VERSION_COLUMNS}, sum FROM versions ORDER BY id`).iterate()) {
    const row = versionRow(sqlRow);
    const sum = versionSum(row);
    if (sum !== sqlRow.sum) return `the checksum of row ${row.id} does not fit`;
    addRow(found, sum);
    if (revisionOf(row.id) > meta.revision) return `row ${row.id} is newer than revision ${meta.revision}`;
    sizes.add(revisionOf(row.id), byteCountOf(row));
  }
  for (const { id, ttl_ms: ttlMs } of db.prepare('SELECT id, ttl_ms FROM leases').iterate()) {
    addRow(found, leaseSum(Number(id), Number(ttlMs)));
  }
  if (found.rows !== meta.rows) return `${found.rows} rows where ${meta.rows} were committed`;
  if (found.digest !== meta.digest) return 'the sum of the checksums does not fit';
  return undefined;
}

/** What a version counts for in the history's bound. */
export const byteCountOf = ({ key, value }: { readonly key: string; readonly value: string | null }): number =>
  Buffer.byteLength(key) + Buffer.byteLength(value ?? '');
