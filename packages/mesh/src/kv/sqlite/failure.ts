import { MeshError, toMeshError } from '@modelmesh/core';

/** SQLite's primary result codes that have a meaning of their own here (sqlite.org/rescode.html). */
const SQLITE_ERROR = 1;
const SQLITE_BUSY = 5;
const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;

/** The extended result code of a file that ends inside a page. */
const SQLITE_IOERR_SHORT_READ = 522;

/** The extended result code of an error that SQLite raised, else `undefined`. */
function extendedCode(thrown: unknown): number | undefined {
  return thrown instanceof Error && 'errcode' in thrown && typeof thrown.errcode === 'number' ? thrown.errcode : undefined;
}

/** Its primary result code. */
function sqliteCode(thrown: unknown): number | undefined {
  const code = extendedCode(thrown);
  return code === undefined ? undefined : code & 0xff;
}

/** Whether another process (or another store of this one) holds the database. */
export const isBusy = (thrown: unknown): boolean => sqliteCode(thrown) === SQLITE_BUSY;

/** Whether the transaction that failed is surely rolled back; after an I/O error only a new reading of the files can tell. */
export const isCertain = (thrown: unknown): boolean => sqliteCode(thrown) === SQLITE_FULL;

/** A file that is not, or no longer, what the registry wrote. */
export function damaged(path: string, what: string, cause?: unknown): MeshError {
  return new MeshError(
    'failed-precondition',
    `the registry file ${path} is damaged (${what}); restore it together with ${path}-wal from a copy, or move both away to begin with an empty registry`,
    { cause },
  );
}

/** The funnel for everything thrown around the database: says in a sentence what is wrong with `path` and what to do. */
export function toSqliteFailure(thrown: unknown, path: string): MeshError {
  const reason = thrown instanceof Error ? thrown.message : '';
  if (extendedCode(thrown) === SQLITE_IOERR_SHORT_READ) return damaged(path, 'it ends too early', thrown);
  switch (sqliteCode(thrown)) {
    case SQLITE_FULL:
      return diskFull(path, thrown);
    case SQLITE_IOERR:
      return unavailable(
        `reading or writing the registry file ${path} failed (${reason}); look at the disk and the system's log`,
        thrown,
      );
    case SQLITE_READONLY:
      return blocked(
        `the registry file ${path} may not be written; give this process the right to write it and its folder`,
        thrown,
      );
    case SQLITE_CANTOPEN:
      return blocked(
        `the registry file ${path} cannot be opened; look whether it is a file and its folder may be written by this process`,
        thrown,
      );
    // Our own statements are right where the tables are: a statement that SQLite refuses means that they are not.
    case SQLITE_ERROR:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return damaged(path, reason, thrown);
    default:
      return isSystemError(thrown) ? systemFailure(thrown, path) : toMeshError(thrown);
  }
}

const unavailable = (message: string, cause: unknown): MeshError => new MeshError('registry-unavailable', message, { cause });
const blocked = (message: string, cause: unknown): MeshError => new MeshError('failed-precondition', message, { cause });

const diskFull = (path: string, cause: unknown): MeshError =>
  unavailable(
    `the disk of the registry file ${path} is full: nothing was written, reading goes on; free some space and try again`,
    cause,
  );

/** An error of `node:fs`, raised for the folder or the lock file. */
const isSystemError = (thrown: unknown): thrown is NodeJS.ErrnoException => thrown instanceof Error && 'syscall' in thrown;

function systemFailure(error: NodeJS.ErrnoException, path: string): MeshError {
  if (error.code === 'ENOSPC') return diskFull(path, error);
  return blocked(
    `the registry file ${path} cannot be opened (${error.message}); look at its folder and the rights of this process`,
    error,
  );
}
