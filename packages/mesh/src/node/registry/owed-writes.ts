import { type EpochMs, epochMs, type InstanceId } from '@modelmesh/core';
import {
  type LoadFailure,
  type ModelRecord,
  withCopyWithdrawn,
  withFailure,
  withLastUsed,
  withoutFailureOf,
} from '@modelmesh/core/records';

/** One thing that this instance says of itself in a model's record, other than a claim. */
export type Statement =
  | { readonly kind: 'withdrawn'; readonly lastUsedMs: EpochMs }
  | { readonly kind: 'failed'; readonly failure: LoadFailure }
  | { readonly kind: 'not-failed' };

/** What the registry has not yet been told about one model. However many writes were lost, this is all that they come to. */
export interface OwedWrites {
  readonly withdrawn: boolean;
  /** Last use of the copies that were withdrawn; 0: unknown. */
  readonly lastUsedMs: EpochMs;
  /** `undefined`: what stands there is still right. */
  readonly failure: LoadFailure | 'none' | undefined;
}

const NOTHING: OwedWrites = { withdrawn: false, lastUsedMs: epochMs(0), failure: undefined };

/** What is owed once `statement` is true too. */
export function owedWith(before: OwedWrites = NOTHING, statement: Statement): OwedWrites {
  switch (statement.kind) {
    case 'withdrawn':
      return { ...before, withdrawn: true, lastUsedMs: epochMs(Math.max(before.lastUsedMs, statement.lastUsedMs)) };
    case 'failed':
      return { ...before, withdrawn: true, failure: statement.failure };
    case 'not-failed':
      return { ...before, failure: 'none' };
  }
}

/** A failure that stands in the record is not written again within this time: each call for a model that can never fit fails anew. */
export const SAME_FAILURE_MS = 10_000;

/** The record with everything owed written into it; the same one if it says so already. */
export function pay(record: ModelRecord, instance: InstanceId, { withdrawn, lastUsedMs, failure }: OwedWrites): ModelRecord {
  const left = withLastUsed(withdrawn ? withCopyWithdrawn(record, instance) : record, lastUsedMs);
  if (failure === undefined) return left;
  if (failure === 'none') return withoutFailureOf(left, instance);
  const stands = left.failures.get(instance);
  const isRepeated =
    stands?.message === failure.message && failure.atMs >= stands.atMs && failure.atMs - stands.atMs < SAME_FAILURE_MS;
  return isRepeated && !left.copies.has(instance) ? left : withFailure(left, instance, failure);
}
