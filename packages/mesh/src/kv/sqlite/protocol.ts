import type { DurationMs, MeshErrorKind, Revision } from '@modelmesh/core';
import type {
  KvBatch,
  KvEntry,
  KvHistoryLimits,
  KvLease,
  KvRange,
  KvRangeOptions,
  KvRead,
  KvResolution,
  KvTxn,
  KvUnknown,
  LeaseId,
} from '../port.ts';

/** What the node's thread and the thread that holds the database say to each other. Requests are answered one by one in their order. */

/** Given to the thread at its birth; it answers with `opened` or `failed` before it reads requests. */
export interface SqliteWorkerData {
  readonly path: string;
  readonly history: KvHistoryLimits;
}

/** One thing to be done inside a commit. */
export type CommitItem =
  | { readonly kind: 'txn'; readonly txn: KvTxn; readonly writer: string }
  | { readonly kind: 'grant'; readonly ttlMs: DurationMs }
  | { readonly kind: 'revoke'; readonly lease: LeaseId };

/** What became of one {@link CommitItem}. */
export type CommitResult =
  /** `created` holds per operation the revision of creation, or null where an absent key was deleted. */
  | { readonly kind: 'committed'; readonly revision: Revision; readonly created: readonly (Revision | null)[] }
  | { readonly kind: 'conflict'; readonly revision: Revision; readonly current: readonly (KvEntry | null)[] }
  | { readonly kind: 'lease-gone'; readonly lease: LeaseId }
  | { readonly kind: 'granted'; readonly lease: LeaseId }
  /** The deletions, in batches of one revision each. */
  | { readonly kind: 'revoked'; readonly batches: readonly KvBatch[] };

/** Requests with the answer that belongs to each. */
export interface SqliteCalls {
  readonly commit: { readonly ask: readonly CommitItem[]; readonly answer: readonly CommitResult[] };
  readonly get: { readonly ask: string; readonly answer: KvRead };
  readonly range: { readonly ask: KvRangeOptions & { readonly prefix: string }; readonly answer: KvRange };
  readonly history: { readonly ask: { readonly prefix: string; readonly from: Revision }; readonly answer: HistoryPage };
  readonly resolve: { readonly ask: KvUnknown; readonly answer: KvResolution };
  /** Closes the database and frees the lock; nothing may follow. */
  readonly close: { readonly ask: null; readonly answer: null };
}

/** Part of the past for one watch. `next` is the revision to go on from; `complete` says that it is the future. */
export type HistoryPage =
  | { readonly kind: 'batches'; readonly batches: readonly KvBatch[]; readonly next: Revision; readonly complete: boolean }
  | { readonly kind: 'compacted'; readonly oldest: Revision };

/** A request's name. */
export type SqliteCall = keyof SqliteCalls;

/** A request as it crosses the threads. */
export type SqliteRequest = { [Call in SqliteCall]: { readonly call: Call; readonly ask: SqliteCalls[Call]['ask'] } }[SqliteCall];

/** An error as it crosses the threads: a class does not survive the crossing. */
export interface SqliteFailure {
  readonly kind: MeshErrorKind;
  readonly message: string;
  /** The commit may have happened: its transactions are `unknown`, and the thread has ended. */
  readonly unknown: boolean;
}

/** What the thread says. */
export type SqliteReply =
  | { readonly kind: 'opened'; readonly session: number; readonly revision: Revision; readonly leases: readonly KvLease[] }
  | { readonly kind: 'answer'; readonly answer: SqliteCalls[SqliteCall]['answer'] }
  | { readonly kind: 'failed'; readonly failure: SqliteFailure };
