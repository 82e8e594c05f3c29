import { type DurationMs, MeshError } from '@modelmesh/core';
import {
  KV_KEY_BYTES_MAX,
  KV_LEASE_TTL_MAX_MS,
  KV_LEASE_TTL_MIN_MS,
  KV_OPERATIONS_MAX,
  KV_RANGE_LIMIT_MAX,
  KV_TXN_BYTES_MAX,
  type KvHistoryLimits,
  type KvRangeOptions,
  type KvTxn,
} from './port.ts';

/** The limits of the port, checked alike by every adapter before anything is done. All throw `invalid-argument`. */

const refuse = (message: string): never => {
  throw new MeshError('invalid-argument', message);
};

/** Long keys are named by their beginning only. */
const quoted = (key: string): string => JSON.stringify(key.length > 80 ? `${key.slice(0, 80)}…` : key);

/** `whose`: says whose text it is, in words before its key. */
function checkText(text: string, whose: string, key: string): number {
  // A lone surrogate has no UTF-8 form: it would come back as another text.
  if (!text.isWellFormed()) refuse(`${whose} ${quoted(key)} is not well-formed Unicode text`);
  return Buffer.byteLength(text);
}

/** @returns the bytes of the key */
export function checkKey(key: string): number {
  if (key.length === 0) refuse('a registry key must not be empty');
  return checkPrefix(key);
}

/** A prefix may be empty: then it stands for every key. @returns its bytes */
export function checkPrefix(prefix: string): number {
  const byteCount = checkText(prefix, 'registry key', prefix);
  if (byteCount > KV_KEY_BYTES_MAX)
    refuse(`registry key ${quoted(prefix)} has ${byteCount} bytes, at most ${KV_KEY_BYTES_MAX} are allowed`);
  return byteCount;
}

/** Prefix, page size and place of a range. */
export function checkRange(prefix: string, options: KvRangeOptions): void {
  checkPrefix(prefix);
  if (options.after !== undefined) checkPrefix(options.after);
  const { limit } = options;
  if (!Number.isInteger(limit) || limit < 1 || limit > KV_RANGE_LIMIT_MAX) {
    refuse(`the limit of a registry range must be 1 to ${KV_RANGE_LIMIT_MAX}, got ${limit}`);
  }
}

/** A range cannot be read at a revision that has not happened. */
export function checkRevision(wanted: number, newest: number): void {
  if (wanted > newest) refuse(`registry revision ${wanted} lies in the future, the newest is ${newest}`);
}

/** Sizes, counts and keys of a transaction. @returns the bytes of its keys and values */
export function checkTxn(txn: KvTxn): number {
  checkCount(txn.conditions.length, 'conditions');
  checkCount(txn.operations.length, 'operations');
  let byteCount = 0;
  for (const condition of txn.conditions) byteCount += checkKey(condition.key);
  const keys = new Set<string>();
  for (const operation of txn.operations) {
    if (keys.has(operation.key)) refuse(`registry key ${quoted(operation.key)} stands in two operations of one transaction`);
    keys.add(operation.key);
    byteCount += checkKey(operation.key);
    if (operation.kind === 'put') byteCount += checkText(operation.value, 'the value of registry key', operation.key);
  }
  if (byteCount > KV_TXN_BYTES_MAX) {
    refuse(
      `a registry transaction of ${byteCount} bytes (first key ${quoted([...keys][0] ?? '')}), at most ${KV_TXN_BYTES_MAX} are allowed`,
    );
  }
  return byteCount;
}

function checkCount(count: number, what: string): void {
  if (count > KV_OPERATIONS_MAX) refuse(`a registry transaction with ${count} ${what}, at most ${KV_OPERATIONS_MAX} are allowed`);
}

/** The length of a lease. */
export function checkLeaseTtl(ttlMs: DurationMs): void {
  if (!(ttlMs >= KV_LEASE_TTL_MIN_MS && ttlMs <= KV_LEASE_TTL_MAX_MS)) {
    refuse(`a lease must last ${KV_LEASE_TTL_MIN_MS} to ${KV_LEASE_TTL_MAX_MS} ms, got ${ttlMs}`);
  }
}

/** The bounds of the history. */
export function checkHistory(limits: KvHistoryLimits): void {
  if (!Number.isSafeInteger(limits.revisionsMax) || limits.revisionsMax < 1) {
    refuse(`the registry's history must keep at least 1 revision, got ${limits.revisionsMax}`);
  }
  if (!Number.isSafeInteger(limits.bytesMax) || limits.bytesMax < 1) {
    refuse(`the registry's history must keep at least 1 byte, got ${limits.bytesMax}`);
  }
}
