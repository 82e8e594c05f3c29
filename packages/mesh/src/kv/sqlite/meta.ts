import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';

/** The counters of the database, kept in its single row of `meta` and written with every commit. */
export interface Meta {
  revision: number;
  /** The earliest revision that can still be read. */
  oldest: number;
  /** Counts the openings of the file: makes writer ids unique. */
  session: number;
  /** The last lease id given out; ids are never given twice. */
  lease: number;
  /** How many rows stand in `versions` and `leases`. */
  rows: number;
  /** Sum of the checksums of those rows, modulo {@link DIGEST_MODULUS}. */
  digest: number;
}

/** Keeps sums of 32-bit checksums exact in a number. */
const DIGEST_MODULUS = 2 ** 52;

const sealOf = ({ revision, oldest, session, lease, rows, digest }: Meta): number =>
  crc32(`${revision}|${oldest}|${session}|${lease}|${rows}|${digest}`);

const EMPTY: Meta = { revision: 0, oldest: 0, session: 0, lease: 0, rows: 0, digest: 0 };
/** Writes the row of an empty file. */
export const INSERT_EMPTY_META = `INSERT INTO meta VALUES (1, 0, 0, 0, 0, 0, 0, ${sealOf(EMPTY)})`;

/** A row of `versions`; `value` is null where the row records a deletion. */
export interface VersionRow {
  readonly id: number;
  readonly key: string;
  readonly value: string | null;
  readonly created: number;
  readonly lease: number | null;
  readonly writer: string | null;
}

/** Checksum of a version. */
export const versionSum = ({ id, key, value, created, lease, writer }: VersionRow): number =>
  crc32(
    `${id}|${created}|${lease ?? '-'}|${writer ?? '-'}|${key.length}|${value === null ? '-' : value.length}|${key}${value ?? ''}`,
  );

/** Checksum of a lease. */
export const leaseSum = (id: number, ttlMs: number): number => crc32(`lease|${id}|${ttlMs}`);

/** Counts a row in. */
export function addRow(meta: Meta, sum: number): void {
  meta.rows += 1;
  meta.digest = (meta.digest + sum) % DIGEST_MODULUS;
}

/** Counts rows out; `sum` is the sum of their checksums. */
export function removeRows(meta: Meta, rows: number, sum: number): void {
  meta.rows -= rows;
  meta.digest = (meta.digest - (sum % DIGEST_MODULUS) + DIGEST_MODULUS) % DIGEST_MODULUS;
}

/** Reads and writes the row of counters. */
export class MetaTable {
  readonly #read: StatementSync;
  readonly #write: StatementSync;

  constructor(db: DatabaseSync) {
    this.#read = db.prepare('SELECT revision, oldest, session, lease, rows, digest, seal FROM meta WHERE id = 1');
    this.#write = db.prepare(
      'UPDATE meta SET revision = ?, oldest = ?, session = ?, lease = ?, rows = ?, digest = ?, seal = ? WHERE id = 1',
    );
  }

  /** @returns the counters, or `undefined` where the row is missing or does not fit its own checksum */
  read(): Meta | undefined {
    const row = this.#read.get();
    if (row === undefined) return undefined;
    const { revision, oldest, session, lease, rows, digest, seal } = row;
    const meta: Meta = {
      revision: Number(revision),
      oldest: Number(oldest),
      session: Number(session),
      lease: Number(lease),
      rows: Number(rows),
      digest: Number(digest),
    };
    return sealOf(meta) === seal ? meta : undefined;
  }

  write(meta: Meta): void {
    this.#write.run(meta.revision, meta.oldest, meta.session, meta.lease, meta.rows, meta.digest, sealOf(meta));
  }
}
