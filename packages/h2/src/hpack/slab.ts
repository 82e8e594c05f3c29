/** What is allocated at once. It bounds what one field that is kept can hold of others that are not. */
const SLAB_BYTES = 4096;
/** What is larger has a buffer of its own. */
const SHARED_BYTES_MAX = 256;

/** Room for small pieces of octets in few buffers, so that nothing that is kept holds the large one that was read. */
export class Slab {
  #used = SLAB_BYTES;
  /** Where the last room lies, from the position that `reserve` gave. */
  buffer: Buffer = Buffer.alloc(0);

  /** Makes room that nobody else writes into. @returns its position in `buffer` */
  reserve(count: number): number {
    if (count > SHARED_BYTES_MAX) {
      this.buffer = Buffer.allocUnsafeSlow(count);
      this.#used = SLAB_BYTES;
      return 0;
    }
    if (this.#used + count > SLAB_BYTES) {
      this.buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += count;
    return at;
  }
}
