import { MeshError, toMeshError } from '@modelmesh/core';
import {
  KV_OPERATIONS_MAX,
  KV_PENDING_BYTES_MAX,
  KV_PENDING_MAX,
  KV_TXN_BYTES_MAX,
  type KvTxn,
  type KvTxnOutcome,
} from '../port.ts';
import { COMMITS_MAX } from './limits.ts';

/** A transaction on its way. */
export interface Pending {
  readonly txn: KvTxn;
  readonly byteCount: number;
  readonly resolve: (outcome: KvTxnOutcome) => void;
  readonly reject: (error: MeshError) => void;
}

/** Commits transactions together. Every one that is neither resolved nor rejected nor given back is a fault. @returns those to be committed again */
export type Commit = (batch: readonly Pending[]) => Promise<readonly Pending[]>;

/**
 * Gathers what is written in one turn and while commits run, and commits it together: one request, one revision. Together go transactions
 * that have no key in common, so that it does not matter which comes first.
 */
export class CommitQueue {
  readonly #commit: Commit;
  #waiting: Pending[] = [];
  #waitingBytes = 0;
  #running = 0;
  #soon = false;

  constructor(commit: Commit) {
    this.#commit = commit;
  }

  /** Resolves with the transaction's outcome. Rejects with `overloaded` where too much waits, or as the commit does. */
  push(txn: KvTxn, byteCount: number): Promise<KvTxnOutcome> {
    if (this.#waiting.length >= KV_PENDING_MAX || this.#waitingBytes + byteCount > KV_PENDING_BYTES_MAX) {
      const text = `${this.#waiting.length} registry writes with ${this.#waitingBytes} bytes wait for etcd already`;
      return Promise.reject(new MeshError('overloaded', text));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ txn, byteCount, resolve, reject });
      this.#waitingBytes += byteCount;
      if (this.#soon) return;
      this.#soon = true;
      // Lets the rest of the turn add its writes.
      queueMicrotask(() => {
        this.#soon = false;
        this.#pump();
      });
    });
  }

  #pump(): void {
    while (this.#running < COMMITS_MAX && this.#waiting.length > 0) {
      this.#running += 1;
      void this.#run(this.#take());
    }
  }

  async #run(batch: readonly Pending[]): Promise<void> {
    try {
      const again = await this.#commit(batch);
      this.#waiting.unshift(...again);
      for (const { byteCount } of again) this.#waitingBytes += byteCount;
    } catch (thrown) {
      const error = toMeshError(thrown);
      for (const { reject } of batch) reject(error);
    } finally {
      this.#running -= 1;
      this.#pump();
    }
  }

  /** The first that waits, and those behind it that may go with it. */
  #take(): Pending[] {
    const together = new Together();
    let count = 0;
    while (count < this.#waiting.length) {
      const next = this.#waiting[count];
      if (next === undefined || !together.add(next)) break;
      count += 1;
    }
    const batch = this.#waiting.splice(0, count);
    for (const { byteCount } of batch) this.#waitingBytes -= byteCount;
    return batch;
  }
}

/** Transactions that may be committed at one revision. */
class Together {
  readonly #read = new Set<string>();
  readonly #written = new Set<string>();
  #count = 0;
  #byteCount = 0;
  #operations = 0;
  #conditions = 0;
  /** Which of several leases is gone etcd does not say, so that a transaction with one stays alone. */
  #alone = false;

  /** @returns whether it may go with those before */
  add({ txn: { conditions, operations }, byteCount }: Pending): boolean {
    const hasLease = operations.some((operation) => operation.kind === 'put' && operation.lease !== undefined);
    if (this.#count > 0) {
      if (this.#alone || hasLease) return false;
      if (this.#operations + operations.length > KV_OPERATIONS_MAX) return false;
      if (this.#conditions + conditions.length > KV_OPERATIONS_MAX) return false;
      if (this.#byteCount + byteCount > KV_TXN_BYTES_MAX) return false;
      if (operations.some(({ key }) => this.#written.has(key) || this.#read.has(key))) return false;
      if (conditions.some(({ key }) => this.#written.has(key))) return false;
    }
    for (const { key } of operations) this.#written.add(key);
    for (const { key } of conditions) this.#read.add(key);
    this.#count += 1;
    this.#alone = hasLease;
    this.#operations += operations.length;
    this.#conditions += conditions.length;
    this.#byteCount += byteCount;
    return true;
  }
}
