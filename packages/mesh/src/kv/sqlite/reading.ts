import type { StatementSync } from 'node:sqlite';
import { type Revision, revision } from '@modelmesh/core';
import { checkRevision } from '../check.ts';
import { prefixEnd } from '../key-order.ts';
import {
  KV_PAGE_BYTES_MAX,
  type KvEntry,
  type KvEvent,
  type KvRange,
  type KvRangeOptions,
  type KvRead,
  type KvResolution,
  type KvUnknown,
} from '../port.ts';
import type { Database } from './database.ts';
import { entryOf, firstRow, revisionOf, VERSION_COLUMNS, versionRow } from './layout.ts';
import type { HistoryPage } from './protocol.ts';
import { byteCountOf } from './verify.ts';

/** Rows after which a page of history ends with the revision that it is in. */
const HISTORY_PAGE_ROWS = 1000;
/** Stands behind every key in a comparison: a BLOB is greater than any TEXT. */
const BEHIND_ALL = new Uint8Array();

/** Reads the state at a revision, and the history. */
export class Reading {
  readonly #database: Database;
  readonly #newest: StatementSync;
  readonly #page: StatementSync;
  readonly #history: StatementSync;
  readonly #signed: StatementSync;

  constructor(database: Database) {
    const { db } = database;
    this.#database = database;
    this.#newest = db.prepare(`SELECT ${VERSION_COLUMNS} FROM versions WHERE key = ? ORDER BY id DESC LIMIT 1`);
    // The `+` keeps SQLite on the index of keys; the inner question is one step in the same index.
    this.#page = db.prepare(`
      SELECT ${VERSION_COLUMNS} FROM versions AS shown WHERE key >= :low AND key > :after AND key < :high AND +id < :end
      AND NOT EXISTS (SELECT 1 FROM versions AS later WHERE later.key = shown.key AND later.id > shown.id AND later.id < :end)
      AND value IS NOT NULL ORDER BY key`);
    this.#history = db.prepare(`
      SELECT ${VERSION_COLUMNS} FROM versions WHERE id >= :from AND +key >= :low AND +key < :high ORDER BY id`);
    this.#signed = db.prepare('SELECT id FROM versions WHERE id >= ? AND writer = ? LIMIT 1');
  }

  get(key: string): KvRead {
    const row = this.#newest.get(key);
    return { revision: this.#revision, entry: row === undefined ? null : entryOf(versionRow(row)) };
  }

  range({ prefix, limit, after, revision: wanted }: KvRangeOptions & { readonly prefix: string }): KvRange {
    checkRevision(wanted ?? 0, this.#revision);
    const at = wanted ?? this.#revision;
    const { oldest } = this.#database.meta;
    if (at < oldest) return { kind: 'compacted', oldest: revision(oldest) };
    const entries: KvEntry[] = [];
    let byteCount = 0;
    // No key is empty, so the empty text stands before all of them.
    const rows = this.#page.iterate({
      low: prefix,
      high: prefixEnd(prefix) ?? BEHIND_ALL,
      after: after ?? '',
      end: firstRow(at + 1),
    });
    for (const sqlRow of rows) {
      if (entries.length === limit || byteCount > KV_PAGE_BYTES_MAX) return { kind: 'page', revision: at, entries, more: true };
      const row = versionRow(sqlRow);
      const entry = entryOf(row);
      if (entry !== null) entries.push(entry);
      byteCount += byteCountOf(row);
    }
    return { kind: 'page', revision: at, entries, more: false };
  }

  /** The changes under `prefix` from a revision on, whole revisions only. */
  history(prefix: string, from: Revision): HistoryPage {
    const { oldest } = this.#database.meta;
    if (from <= oldest && oldest > 0) return { kind: 'compacted', oldest: revision(oldest) };
    const batches: { readonly revision: Revision; readonly events: KvEvent[] }[] = [];
    let rows = 0;
    let byteCount = 0;
    const found = this.#history.iterate({ from: firstRow(from), low: prefix, high: prefixEnd(prefix) ?? BEHIND_ALL });
    for (const sqlRow of found) {
      const row = versionRow(sqlRow);
      const at = revisionOf(row.id);
      const entry = entryOf(row);
      const event: KvEvent = entry === null ? { kind: 'delete', key: row.key } : { kind: 'put', entry };
      const last = batches.at(-1);
      if (last?.revision === at) last.events.push(event);
      else if (rows >= HISTORY_PAGE_ROWS || byteCount > KV_PAGE_BYTES_MAX)
        return { kind: 'batches', batches, next: at, complete: false };
      else batches.push({ revision: at, events: [event] });
      rows += 1;
      byteCount += byteCountOf(row);
    }
    return { kind: 'batches', batches, next: revision(Math.max(this.#revision + 1, from)), complete: true };
  }

  resolve({ writer, after }: KvUnknown): KvResolution {
    const row = this.#signed.get(firstRow(after + 1), writer);
    if (row !== undefined) return { kind: 'committed', revision: revisionOf(Number(row.id)) };
    const { oldest } = this.#database.meta;
    return oldest > after ? { kind: 'compacted', oldest: revision(oldest) } : { kind: 'not-committed' };
  }

  get #revision(): Revision {
    return revision(this.#database.meta.revision);
  }
}
