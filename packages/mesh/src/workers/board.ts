/** Numbers that each worker writes and control reads without a message. */
const WORDS_PER_WORKER = 3;
/** Work is shown in units of so many bytes, so that the largest fits a word. */
const WORK_UNIT_BYTES = 1024;

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
    Atomics.store(this.#words, worker * WORDS_PER_WORKER + 2, 0);
    Atomics.add(this.#words, worker * WORDS_PER_WORKER, 1);
  }

  /** Worker: bodies of so many bytes are converted now, and no beat comes before they are. */
  announceWork(worker: number, byteCount: number): void {
    Atomics.add(this.#words, worker * WORDS_PER_WORKER + 2, Math.ceil(byteCount / WORK_UNIT_BYTES));
  }

  /** Control: bytes of the work that was announced since the last beat. */
  workBytesOf(worker: number): number {
    return Atomics.load(this.#words, worker * WORDS_PER_WORKER + 2) * WORK_UNIT_BYTES;
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
    Atomics.store(this.#words, worker * WORDS_PER_WORKER + 2, 0);
  }
}
