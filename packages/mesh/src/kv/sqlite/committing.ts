import type { StatementSync } from 'node:sqlite';
import { assertNever, type DurationMs, type Revision, revision } from '@modelmesh/core';
import { holds } from '../condition.ts';
import type { KvBatch, KvEntry, KvEvent, KvTxn, LeaseId } from '../port.ts';
import type { Database } from './database.ts';
import { isCertain } from './failure.ts';
import { entryOf, firstRow, leaseIdOf, leaseRowOf, ROWS_PER_REVISION, VERSION_COLUMNS, versionRow } from './layout.ts';
import { addRow, leaseSum, type Meta, removeRows, type VersionRow, versionSum } from './meta.ts';
import type { CommitItem, CommitResult } from './protocol.ts';
import { byteCountOf } from './verify.ts';

/**
 * Evaluates items in their order inside one transaction of SQLite and commits them together. An item whose condition fails changes
 * nothing and does not disturb the others; where the commit itself fails none of them happened.
 */
export class Committing {
  readonly #database: Database;
  readonly #newest: StatementSync;
  readonly #insert: StatementSync;
  readonly #insertLease: StatementSync;
  readonly #leaseLives: StatementSync;
  readonly #deleteLease: StatementSync;
  readonly #leaseKeys: StatementSync;

  constructor(database: Database) {
    const { db } = database;
    this.#database = database;
    this.#newest = db.prepare(`SELECT ${VERSION_COLUMNS} FROM versions WHERE key = ? ORDER BY id DESC LIMIT 1`);
    this.#insert = db.prepare(`INSERT INTO versions (${VERSION_COLUMNS}, sum) VALUES (?, ?, ?, ?, ?, ?, ?)`);
    this.#insertLease = db.prepare('INSERT INTO leases (id, ttl_ms, sum) VALUES (?, ?, ?)');
    this.#leaseLives = db.prepare('SELECT 1 FROM leases WHERE id = ?');
    this.#deleteLease = db.prepare('DELETE FROM leases WHERE id = ? RETURNING sum');
    this.#leaseKeys = db.prepare(`
      SELECT key FROM versions AS held WHERE lease = ?
      AND NOT EXISTS (SELECT 1 FROM versions AS later WHERE later.key = held.key AND later.id > held.id) ORDER BY key`);
  }

  /** @throws what SQLite throws. If the disk was full nothing has happened and work goes on; else the outcome is unknown. */
  commit(items: readonly CommitItem[]): CommitResult[] {
    const { db, table, meta } = this.#database;
    const before: Meta = { ...meta };
    const sizes: [revision: number, byteCount: number][] = [];
    try {
      db.exec('BEGIN IMMEDIATE');
      const results = items.map((item) => this.#evaluate(item, (at, byteCount) => void sizes.push([at, byteCount])));
      if (!isEqual(meta, before)) table.write(meta);
      db.exec('COMMIT');
      for (const [at, byteCount] of sizes) this.#database.sizes.add(at, byteCount);
      return results;
    } catch (thrown) {
      Object.assign(meta, before);
      // After any other error only a new opening can tell what the files hold, and this connection must not be used again.
      if (isCertain(thrown) && db.isTransaction) db.exec('ROLLBACK');
      throw thrown;
    }
  }

  #evaluate(item: CommitItem, grown: Grown): CommitResult {
    switch (item.kind) {
      case 'txn':
        return this.#txn(item.txn, item.writer, grown);
      case 'grant':
        return this.#grant(item.ttlMs);
      case 'revoke':
        return { kind: 'revoked', batches: this.#revoke(item.lease, grown) };
      default:
        return assertNever(item);
    }
  }

  #txn({ conditions, operations }: KvTxn, writer: string, grown: Grown): CommitResult {
    const { meta } = this.#database;
    if (!conditions.every((condition) => holds(condition, this.#entry(condition.key)))) {
      const current = conditions.map(({ key }) => this.#entry(key));
      return { kind: 'conflict', revision: revision(meta.revision), current };
    }
    const gone = operations.find((operation) => operation.kind === 'put' && this.#isGone(operation.lease));
    if (gone?.kind === 'put' && gone.lease !== undefined) return { kind: 'lease-gone', lease: gone.lease };

    const at = meta.revision + 1;
    let row = firstRow(at);
    const created = operations.map((operation): Revision | null => {
      const previous = this.#entry(operation.key);
      if (operation.kind === 'delete' && previous === null) return null;
      const signed = row === firstRow(at) ? writer : null;
      const version: VersionRow =
        operation.kind === 'delete'
          ? { id: row++, key: operation.key, value: null, created: at, lease: null, writer: signed }
          : {
              id: row++,
              key: operation.key,
              value: operation.value,
              created: previous?.createRevision ?? at,
              lease: operation.lease === undefined ? null : leaseRowOf(operation.lease),
              writer: signed,
            };
      this.#append(version, at, grown);
      return revision(version.created);
    });
    return { kind: 'committed', revision: revision(meta.revision), created };
  }

  #grant(ttlMs: DurationMs): CommitResult {
    const { meta } = this.#database;
    meta.lease += 1;
    const sum = leaseSum(meta.lease, ttlMs);
    this.#insertLease.run(meta.lease, ttlMs, sum);
    addRow(meta, sum);
    return { kind: 'granted', lease: leaseIdOf(meta.lease) };
  }

  #revoke(lease: LeaseId, grown: Grown): KvBatch[] {
    const { meta } = this.#database;
    const dropped = this.#deleteLease.get(leaseRowOf(lease));
    if (dropped === undefined) return [];
    removeRows(meta, 1, Number(dropped.sum));
    const keys = this.#leaseKeys.all(leaseRowOf(lease)).map((row) => String(row.key));
    const batches: KvBatch[] = [];
    for (let start = 0; start < keys.length; start += ROWS_PER_REVISION) {
      const at = meta.revision + 1;
      const events = keys.slice(start, start + ROWS_PER_REVISION).map((key, place): KvEvent => {
        this.#append({ id: firstRow(at) + place, key, value: null, created: at, lease: null, writer: null }, at, grown);
        return { kind: 'delete', key };
      });
      batches.push({ revision: revision(at), events });
    }
    return batches;
  }

  #append(version: VersionRow, at: number, grown: Grown): void {
    const { meta } = this.#database;
    const sum = versionSum(version);
    this.#insert.run(version.id, version.key, version.value, version.created, version.lease, version.writer, sum);
    addRow(meta, sum);
    meta.revision = at;
    grown(at, byteCountOf(version));
  }

  #entry(key: string): KvEntry | null {
    const row = this.#newest.get(key);
    return row === undefined ? null : entryOf(versionRow(row));
  }

  #isGone(lease: LeaseId | undefined): boolean {
    return lease !== undefined && this.#leaseLives.get(leaseRowOf(lease)) === undefined;
  }
}

/** Told of every row that joins the history. */
type Grown = (at: number, byteCount: number) => void;

const isEqual = (a: Meta, b: Meta): boolean =>
  a.revision === b.revision && a.lease === b.lease && a.rows === b.rows && a.digest === b.digest;
