import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What is read between two collections: a quarter of what has V8 collect the whole heap, however large that is and however little of it was written. */
const READ_BYTES_PER_COLLECTION = 16_777_216;

type Collect = (options: { readonly type: 'minor' }) => unknown;

/**
 * Keeps what sockets read from costing collections of the whole heap.
 *
 * Each read makes a buffer outside of the heap that is garbage a moment later. V8 starts to mark the whole heap once 64 MiB of such buffers
 * lie about, which messages of a MiB do many times a second, long before the few objects of theirs would have it collect the young ones, which frees
 * them just as well. So the young are collected in time, which takes about a millisecond. Measured with messages of 1 MiB: half of the CPU.
 */
export class ReadGarbage {
  #bytes = 0;
  #collect: Collect | null | undefined = undefined;

  /** A buffer of so many bytes was read into. */
  read(byteCount: number): void {
    this.#bytes += byteCount;
    if (this.#bytes < READ_BYTES_PER_COLLECTION) return;
    this.#bytes = 0;
    if (this.#collect === undefined) this.#collect = exposedCollector();
    this.#collect?.({ type: 'minor' });
  }
}

/** V8's own, which only contexts have that are made once it is exposed; `null` where it cannot be had. */
function exposedCollector(): Collect | null {
  try {
    setFlagsFromString('--expose-gc');
    const collect: unknown = runInNewContext('globalThis.gc');
    return typeof collect === 'function' ? (collect as Collect) : null;
  } catch {
    return null;
  }
}
