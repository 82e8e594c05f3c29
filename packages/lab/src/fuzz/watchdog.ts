import { Worker } from 'node:worker_threads';

/** How long a case may take before it is taken for one that never ends. */
const HANG_MS_MAX = 60_000;

/** What the watching thread is given. */
export interface Watched {
  /** The case that is played. */
  readonly at: SharedArrayBuffer;
  readonly hangMsMax: number;
  /** What is printed before the number of a case that hangs. */
  readonly sentence: string;
}

/** Ends this process when a case goes on without end, which no other code of its thread could notice. */
export class Watchdog implements Disposable {
  readonly #at = new Int32Array(new SharedArrayBuffer(4));
  readonly #worker: Worker;

  constructor(sentence: string) {
    const watched: Watched = { at: this.#at.buffer as SharedArrayBuffer, hangMsMax: HANG_MS_MAX, sentence };
    this.#worker = new Worker(new URL('./watchdog-main.ts', import.meta.url), { workerData: watched });
    this.#worker.unref();
  }

  /** Case `at` begins. */
  begins(at: number): void {
    Atomics.store(this.#at, 0, at);
  }

  [Symbol.dispose](): void {
    void this.#worker.terminate();
  }
}
