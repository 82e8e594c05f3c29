import type { StatementSync } from 'node:sqlite';
import type { Database } from './database.ts';
import { isCertain } from './failure.ts';
import { firstRow } from './layout.ts';
import { removeRows } from './meta.ts';

/** Drops history that passed its bounds: versions that a kept revision no longer shows. */
export class Compaction {
  readonly #database: Database;
  readonly #superseded: StatementSync;
  readonly #deletions: StatementSync;

  constructor(database: Database) {
    const { db } = database;
    this.#database = database;
    // At most one version per key is older than the last cut, so only keys that changed since then have something to drop.
    this.#superseded = db.prepare(`
      DELETE FROM versions WHERE id IN (
        SELECT older.id FROM versions AS newer CROSS JOIN versions AS older ON older.key = newer.key AND older.id < newer.id
        WHERE newer.id >= :from AND newer.id < :end
      ) RETURNING sum`);
    this.#deletions = db.prepare('DELETE FROM versions WHERE id >= :from AND id < :end AND value IS NULL RETURNING sum');
  }

  /** Cuts if it is due. A disk that is too full for it leaves the history as it is until a later commit. @throws what SQLite throws else */
  run(): void {
    const { sizes } = this.#database;
    const oldest = sizes.due();
    if (oldest === undefined) return;
    try {
      this.#cut(oldest);
    } catch (thrown) {
      if (!isCertain(thrown)) throw thrown;
      if (this.#database.db.isTransaction) this.#database.db.exec('ROLLBACK');
      return;
    }
    sizes.cut(oldest);
  }

  #cut(oldest: number): void {
    const { db, meta, table } = this.#database;
    const next = { ...meta, oldest };
    const span = { from: firstRow(meta.oldest + 1), end: firstRow(oldest + 1) };
    db.exec('BEGIN IMMEDIATE');
    for (const statement of [this.#superseded, this.#deletions]) {
      const sums = statement.all(span).map((row) => Number(row.sum));
      removeRows(
        next,
        sums.length,
        sums.reduce((total, sum) => total + sum, 0),
      );
    }
    table.write(next);
    db.exec('COMMIT');
    Object.assign(meta, next);
  }
}
