import { MeshError } from '@modelmesh/core';
import { KV_PENDING_BYTES_MAX, KV_PENDING_MAX } from '../port.ts';
import type { CommitItem, CommitResult } from './protocol.ts';

/** Most items that are committed together. */
const COMMIT_ITEMS_MAX = 1024;
/** A commit takes no further item once it holds this many bytes. */
const COMMIT_BYTES_MAX = 8 * 1024 * 1024;

interface Waiting {
  readonly item: CommitItem;
  readonly byteCount: number;
  readonly resolve: (result: CommitResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Gathers what is written in one turn, and while a commit is running, and commits it together: one `fsync` for all of it. */
export class CommitQueue {
  readonly #commit: (items: readonly CommitItem[]) => Promise<readonly CommitResult[]>;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #running: Promise<void> | undefined;

  /** `commit` answers items one to one, or rejects for all of them. */
  constructor(commit: (items: readonly CommitItem[]) => Promise<readonly CommitResult[]>) {
    this.#commit = commit;
  }

  /** Resolves when the item is durable. Rejects with `overloaded` where too much waits, or with what the commit rejected with. */
  push(item: CommitItem, byteCount: number): Promise<CommitResult> {
    if (this.#waiting.length >= KV_PENDING_MAX || this.#waitingBytes + byteCount > KV_PENDING_BYTES_MAX) {
      return Promise.reject(
        new MeshError(
          'overloaded',
          `${this.#waiting.length} registry writes with ${this.#waitingBytes} bytes wait for the disk already`,
        ),
      );
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, byteCount, resolve, reject });
      this.#waitingBytes += byteCount;
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    // Lets the rest of the turn add its writes.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#take();
      try {
        const results = await this.#commit(batch.map(({ item }) => item));
        for (const [index, { resolve, reject }] of batch.entries()) {
          const result = results[index];
          if (result === undefined) reject(new MeshError('internal', 'the registry did not answer a write'));
          else resolve(result);
        }
      } catch (thrown) {
        for (const { reject } of batch) reject(thrown);
      }
    }
    this.#running = undefined;
  }

  #take(): Waiting[] {
    let count = 0;
    let byteCount = 0;
    for (const { byteCount: next } of this.#waiting) {
      if (count === COMMIT_ITEMS_MAX || byteCount > COMMIT_BYTES_MAX) break;
      count += 1;
      byteCount += next;
    }
    this.#waitingBytes -= byteCount;
    return this.#waiting.splice(0, count);
  }
}
