/** What is allocated at once. It bounds what one field that is kept can hold of others that are not. */
const SLAB_BYTES = 2048;
/** What is larger has a buffer of its own. */
const SHARED_BYTES_MAX = 256;
/** Up to here a loop is faster than the call of `set`. */
const LOOP_BYTES_MAX = 48;

/** Copies small pieces of octets into few buffers, so that nothing that is kept holds the large one that was read. */
export class Slab {
  #buffer: Buffer = Buffer.alloc(0);
  #used = 0;
  /** Where the last copy lies, from the position that `copy` gave. */
  last: Buffer = this.#buffer;

  /** @returns the position in `last`, which nobody writes again */
  copy(bytes: Uint8Array, start: number, end: number): number {
    const count = end - start;
    if (count > SHARED_BYTES_MAX) {
      this.last = Buffer.allocUnsafeSlow(count);
      this.last.set(bytes.subarray(start, end));
      return 0;
    }
    if (this.#used + count > this.#buffer.length) {
      this.#buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#used = 0;
    }
    const target = this.#buffer;
    const at = this.#used;
    if (count > LOOP_BYTES_MAX) target.set(bytes.subarray(start, end), at);
    else for (let from = start, to = at; from < end; from += 1, to += 1) target[to] = bytes[from] as number;
    this.#used = at + count;
    this.last = target;
    return at;
  }
}
