/** Numbers that each worker writes and control reads without a message. */
const WORDS_PER_WORKER = 2;

/** Makes the memory of a board. */
export const allocateBoard = (workers: number): SharedArrayBuffer => new SharedArrayBuffer(workers * WORDS_PER_WORKER * 4);

/** What workers show of themselves while they live: that they do, and the streams that are open at their ports. */
export class Board {
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  /** Worker: it lives, and so many streams are open. */
  beat(worker: number, streams: number): void {
    Atomics.store(this.#words, worker * WORDS_PER_WORKER + 1, streams);
    Atomics.add(this.#words, worker * WORDS_PER_WORKER, 1);
  }

  /** Control: changes with every beat. */
  beatOf(worker: number): number {
    return Atomics.load(this.#words, worker * WORDS_PER_WORKER);
  }

  /** Control: open streams at the last beat. */
  streamsOf(worker: number): number {
    return Atomics.load(this.#words, worker * WORDS_PER_WORKER + 1);
  }

  /** Control: the worker is dead. */
  clear(worker: number): void {
    Atomics.store(this.#words, worker * WORDS_PER_WORKER + 1, 0);
  }
}
