/** What a writer allocates at once: enough for the frames of a busy turn, DATA left out. */
const CHUNK_BYTES = 16_384;
/** Up to here a loop is faster than the call of `set`. */
const LOOP_BYTES_MAX = 48;

/**
 * Gathers bytes that are taken together, such as the frames of one turn.
 *
 * What `take` gives belongs to the taker and is never written again: the writer goes on behind it in the same chunk. Bytes that are
 * not taken yet move when a chunk is full, so that positions count from the last `take`.
 */
export class ByteWriter {
  readonly #chunkBytes: number;
  #chunk: Buffer;
  #start = 0;
  #at = 0;

  /** @param chunkBytes what is allocated at once; more where one write needs more */
  constructor(chunkBytes: number = CHUNK_BYTES) {
    this.#chunkBytes = chunkBytes;
    this.#chunk = Buffer.allocUnsafeSlow(chunkBytes);
  }

  /** Bytes written since the last `take`: the position of the next byte. */
  get length(): number {
    return this.#at - this.#start;
  }

  /** Makes room for `count` more bytes. Writes do so themselves. */
  reserve(count: number): void {
    if (this.#at + count > this.#chunk.length) this.#renew(count);
  }

  u8(value: number): void {
    this.reserve(1);
    this.#chunk[this.#at] = value;
    this.#at += 1;
  }

  /** Big endian, as all numbers of HTTP/2 are (RFC 9113 §2.2). */
  u16(value: number): void {
    this.reserve(2);
    const at = this.#at;
    this.#chunk[at] = value >>> 8;
    this.#chunk[at + 1] = value;
    this.#at = at + 2;
  }

  u24(value: number): void {
    this.reserve(3);
    this.#put24(this.#at, value);
    this.#at += 3;
  }

  u32(value: number): void {
    this.reserve(4);
    this.#chunk[this.#at] = value >>> 24;
    this.#put24(this.#at + 1, value);
    this.#at += 4;
  }

  /** Copies `source`, or its part from `start` to before `end`. */
  raw(source: Uint8Array, start: number = 0, end: number = source.length): void {
    const count = end - start;
    this.reserve(count);
    const chunk = this.#chunk;
    if (count > LOOP_BYTES_MAX) chunk.set(start === 0 && end === source.length ? source : source.subarray(start, end), this.#at);
    else for (let from = start, to = this.#at; from < end; from += 1, to += 1) chunk[to] = source[from] as number;
    this.#at += count;
  }

  /**
   * Overwrites three bytes at a position of what is not taken yet: a frame's length, known once its payload is written.
   *
   * @throws {RangeError} where nothing is written yet
   */
  putU24(position: number, value: number): void {
    if (position < 0 || position + 3 > this.length)
      throw new RangeError(`no three bytes at ${position}, ${this.length} are written`);
    this.#put24(this.#start + position, value);
  }

  /** A copy of what was written from a position on and is not taken yet. */
  copyFrom(position: number): Uint8Array {
    return Uint8Array.prototype.slice.call(this.#chunk, this.#start + position, this.#at);
  }

  /** Gives away everything written since the last `take`. */
  take(): Buffer {
    const taken = this.#chunk.subarray(this.#start, this.#at);
    this.#start = this.#at;
    return taken;
  }

  #put24(at: number, value: number): void {
    this.#chunk[at] = value >>> 16;
    this.#chunk[at + 1] = value >>> 8;
    this.#chunk[at + 2] = value;
  }

  /** A new chunk, to which only moves what nobody has taken. Twice the need, so that growing costs a constant time per byte. */
  #renew(count: number): void {
    const kept = this.length;
    const need = kept + count;
    const chunk = Buffer.allocUnsafeSlow(need > this.#chunkBytes >>> 1 ? Math.max(need * 2, this.#chunkBytes) : this.#chunkBytes);
    this.#chunk.copy(chunk, 0, this.#start, this.#at);
    this.#chunk = chunk;
    this.#start = 0;
    this.#at = kept;
  }
}
