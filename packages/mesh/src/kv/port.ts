import type { Brand, Clock, DurationMs, MeshError, Revision } from '@modelmesh/core';
import type { EtcdPlace } from './etcd-place.ts';

/**
 * The registry's store, with the semantics of etcd v3 (KV, Watch and Lease services): one revision for the whole store, transactions
 * guarded by modification revisions, ordered watches that resume from a revision, leases. Values are text (JSON records); keys are any
 * well-formed text and are ordered as their UTF-8 bytes.
 *
 * Refusals that a caller must plan for are outcomes in the types. A rejected promise is always a `MeshError`: `invalid-argument`
 * (against a limit below; the call has had no effect), `overloaded` (too much is waiting), `registry-unavailable` (the store cannot
 * answer now, or was closed; a transaction that ends so has had no effect and never will).
 */
export interface Kv {
  /** The newest state of one key; sees every transaction that was acknowledged before the call. */
  get(key: string): Promise<KvRead>;
  /** One page of the keys that begin with `prefix`, in key order, all as they were at one revision. */
  range(prefix: string, options: KvRangeOptions): Promise<KvRange>;
  /** Applies all operations if all conditions hold, else none. `committed` is answered when the change is durable. */
  txn(txn: KvTxn): Promise<KvTxnOutcome>;
  /** Settles an `unknown` outcome; to be asked before the same change is tried again. */
  resolve(unknown: KvUnknown): Promise<KvResolution>;
  /**
   * Tells `sink` of every change under `prefix` from a revision on, once it is durable; whether before or after the writer was answered is
   * open. Never calls `sink` before `watch` has returned.
   */
  watch(prefix: string, options: KvWatchOptions, sink: KvWatchSink): KvWatch;
  /** Creates a lease that lives for `ttlMs` unless it is kept alive. */
  grantLease(ttlMs: DurationMs): Promise<KvLease>;
  /** Starts the lease's time anew. */
  keepAlive(lease: LeaseId): Promise<KvKeepAlive>;
  /** Ends the lease and deletes its keys at one revision; a lease that is gone already is no error. */
  revokeLease(lease: LeaseId): Promise<void>;
  /** Commits what was accepted, ends the watches with `closed` and frees everything. Leases are not revoked. Idempotent. */
  close(): Promise<void>;
}

/** Names a lease inside one store. */
export type LeaseId = Brand<string, 'LeaseId'>;

/** One key as it was at some revision. */
export interface KvEntry {
  readonly key: string;
  readonly value: string;
  /** Revision at which the key came into being, counted anew after each deletion. */
  readonly createRevision: Revision;
  /** Revision of the last write; what {@link KvCondition} compares. */
  readonly modRevision: Revision;
  readonly lease?: LeaseId;
}

/** Answer of {@link Kv.get}. */
export interface KvRead {
  /** The store's revision when it was read. */
  readonly revision: Revision;
  readonly entry: KvEntry | null;
}

/** Which page of a range. */
export interface KvRangeOptions {
  /** Most entries in the page, `1 … KV_RANGE_LIMIT_MAX`. A page is cut short where its text passes `KV_PAGE_BYTES_MAX`. */
  readonly limit: number;
  /** Only keys behind this one: the last key of the page before. */
  readonly after?: string;
  /** The revision of the first page, so that all pages show one state. Default: the newest. */
  readonly revision?: Revision;
}

/** A page, or the news that the revision asked for is no longer kept: list again from the newest. */
export type KvRange =
  | { readonly kind: 'page'; readonly revision: Revision; readonly entries: readonly KvEntry[]; readonly more: boolean }
  | KvCompacted;

/** History before `oldest` is gone; ranges at `oldest` and later, and watches from behind it, are still possible. */
export interface KvCompacted {
  readonly kind: 'compacted';
  readonly oldest: Revision;
}

/** What must hold for a transaction to commit. */
export type KvCondition =
  | { readonly kind: 'unchanged'; readonly key: string; readonly modRevision: Revision }
  | { readonly kind: 'absent'; readonly key: string }
  | { readonly kind: 'present'; readonly key: string };

/** One change. Each key may stand in one operation of a transaction only. Deleting an absent key does nothing. */
export type KvOperation =
  | { readonly kind: 'put'; readonly key: string; readonly value: string; readonly lease?: LeaseId }
  | { readonly kind: 'delete'; readonly key: string };

/** A change guarded by conditions, atomic over all its keys. A put without lease takes the key off the lease it had. */
export interface KvTxn {
  readonly conditions: readonly KvCondition[];
  readonly operations: readonly KvOperation[];
}

/** How a transaction ended. */
export type KvTxnOutcome =
  /** Durable. All changes carry `revision`; a transaction that changed nothing gets the store's revision of that moment. */
  | { readonly kind: 'committed'; readonly revision: Revision }
  /** A condition did not hold, nothing was changed. `current` is the state of each condition's key, in their order. */
  | { readonly kind: 'conflict'; readonly revision: Revision; readonly current: readonly (KvEntry | null)[] }
  /** A put names a lease that expired or was revoked, nothing was changed. Conditions are looked at first. */
  | { readonly kind: 'lease-gone'; readonly lease: LeaseId }
  | KvUnknown;

/** The store went away between the question and the answer: the transaction may have been committed. See {@link Kv.resolve}. */
export interface KvUnknown {
  readonly kind: 'unknown';
  /** Id that the adapter gave to this one transaction and wrote along with it. */
  readonly writer: string;
  /** The newest revision known when the transaction was sent: if it was committed, then behind this one. */
  readonly after: Revision;
}

/** What became of an `unknown` transaction. */
export type KvResolution =
  | { readonly kind: 'committed'; readonly revision: Revision }
  /** It had no effect and never will. */
  | { readonly kind: 'not-committed' }
  /** History does not reach back far enough to say; read the keys and decide anew. */
  | KvCompacted;

/** One change as a watch tells it. */
export type KvEvent = { readonly kind: 'put'; readonly entry: KvEntry } | { readonly kind: 'delete'; readonly key: string };

/**
 * All changes of one revision under the watched prefix: those of one transaction in the order of its operations, or of several that have no
 * key in common and that the store committed together.
 */
export interface KvBatch {
  readonly revision: Revision;
  readonly events: readonly KvEvent[];
}

/** Where a watch begins. */
export interface KvWatchOptions {
  /** The first revision wanted: one more than that of the list before. May lie in the future. */
  readonly from: Revision;
}

/** Receives a watch. Called from the event loop, never from inside a call of the store; it must not throw and must return soon. */
export interface KvWatchSink {
  /** The next revision that changed something under the prefix; revisions grow, and none is left out. */
  batch(batch: KvBatch): void;
  /** The last call. After `lost` watch again from behind the last batch; after `compacted` list again. */
  ended(end: KvWatchEnd): void;
}

/** Why a watch ended without its owner's wish, or `closed` with the store. */
export type KvWatchEnd = { readonly kind: 'lost'; readonly error: MeshError } | KvCompacted | { readonly kind: 'closed' };

/** A running watch. */
export interface KvWatch {
  /** No call of the sink follows. */
  cancel(): void;
}

/** A lease as it was granted. */
export interface KvLease {
  readonly id: LeaseId;
  /** The time it lives without {@link Kv.keepAlive}; the store may have rounded it up. */
  readonly ttlMs: DurationMs;
}

/** Whether the lease still lives. One that is `gone` never comes back: its keys are deleted, a new one must be granted. */
export type KvKeepAlive = { readonly kind: 'alive'; readonly ttlMs: DurationMs } | { readonly kind: 'gone' };

/** The stores that can be named in a configuration. */
export type KvKind = 'memory' | 'sqlite' | 'etcd';

/** What a store needs to be opened. */
export interface KvOpenOptions {
  /** Where the data is: a file's path for `sqlite`; the others have none and ignore it. */
  readonly location: string;
  /** Needed by `etcd`; the others ignore it. */
  readonly etcd?: EtcdPlace;
  /** Time of the leases. */
  readonly clock: Clock;
  /** Whoever opens it will write nothing: then neither does opening it, for users of `etcd` who may only read. */
  readonly onlyReads?: boolean;
  /** How much history is kept for watches and ranges. Default {@link KV_HISTORY_DEFAULT}. What `etcd` keeps is its own to say. */
  readonly history?: KvHistoryLimits;
}

/** History is cut when either bound is passed, at the latest by a quarter of it; the current state is never cut. */
export interface KvHistoryLimits {
  /** Revisions, at least 1. */
  readonly revisionsMax: number;
  /** Text in keys and values, in bytes. */
  readonly bytesMax: number;
}

/** Opens a store. Rejects with a `MeshError` that says what to do: `failed-precondition` or `registry-unavailable`. */
export type KvFactory = (options: KvOpenOptions) => Promise<Kv>;

/** Most operations, and most conditions, of one transaction; etcd's default (`--max-txn-ops`) less two that an adapter adds. */
export const KV_OPERATIONS_MAX = 126;
/** Longest key or prefix in UTF-8 bytes: an id of 1024 bytes, a namespace of 1024, and the root. */
export const KV_KEY_BYTES_MAX = 4096;
/** Longest key and value of one transaction together, in UTF-8 bytes; etcd's default (`--max-request-bytes`) less 128 KiB for what goes along. */
export const KV_TXN_BYTES_MAX = 1_441_792;
/** Most entries of one page. */
export const KV_RANGE_LIMIT_MAX = 10_000;
/** A page ends with the entry that passes this many bytes, so that an answer is bounded. */
export const KV_PAGE_BYTES_MAX = 4 * 1024 * 1024;
/** Most writes, and most reads, that wait for the store; more get `overloaded`. */
export const KV_PENDING_MAX = 16_384;
/** Most bytes of writes that wait for the store; more get `overloaded`. */
export const KV_PENDING_BYTES_MAX = 64 * 1024 * 1024;
/** Most watches of one store; more get `overloaded`. */
export const KV_WATCHES_MAX = 1024;
/** Most living leases of one store; more get `overloaded`. */
export const KV_LEASES_MAX = 10_000;
/** Shortest lease in milliseconds; etcd counts in seconds. */
export const KV_LEASE_TTL_MIN_MS = 1000;
/** Longest lease in milliseconds: a day. */
export const KV_LEASE_TTL_MAX_MS = 86_400_000;
/** The history that is kept when nothing else is said. */
export const KV_HISTORY_DEFAULT: KvHistoryLimits = { revisionsMax: 10_000, bytesMax: 64 * 1024 * 1024 };
