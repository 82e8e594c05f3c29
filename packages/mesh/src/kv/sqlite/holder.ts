import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { MeshError } from '@modelmesh/core';

/**
 * The lock file `<path>.lock` names the process that has the registry open.
 *
 * The lock itself is the one that SQLite holds on the database (exclusive locking mode): the kernel frees it when its process dies, so
 * a lock file that a killed process left is simply overwritten, and neither a reused pid nor another pid namespace can fool us. The
 * file is for the people who read the refusal.
 */
export const lockPath = (path: string): string => `${path}.lock`;

/** Names this process as the holder. To be called with the database's lock held. */
export function writeHolder(path: string): void {
  writeFileSync(lockPath(path), `${JSON.stringify({ pid: process.pid, host: hostname() })}\n`);
}

/** To be called before the database's lock is freed. */
export function removeHolder(path: string): void {
  rmSync(lockPath(path), { force: true });
}

/** The refusal for one who finds the database locked. */
export function heldByAnother(path: string): MeshError {
  return new MeshError(
    'failed-precondition',
    `the registry file ${path} is in use by ${holder(path)} (${lockPath(path)}); stop that process, or give this node a registry file of its own`,
  );
}

function holder(path: string): string {
  const unnamed = 'another process';
  try {
    const named: unknown = JSON.parse(readFileSync(lockPath(path), 'utf8'));
    if (typeof named !== 'object' || named === null || !('pid' in named) || !('host' in named)) return unnamed;
    return `process ${String(named.pid)} on host ${String(named.host)}`;
  } catch {
    // The holder has the lock but has not written, or has already removed, its name.
    return unnamed;
  }
}
