import { Buffer } from 'node:buffer';

const CAPACITY_BYTES_MIN = 64;

/** Bytes that grow at the end by doubling; `reserve` before each write, then write through `view` or `bytes` and move `used`. */
export class GrowingBytes {
  bytes: Buffer;
  view: DataView;
  used = 0;

  /** @param expectedBytes room from the start; only saves copies. */
  constructor(expectedBytes: number) {
    this.bytes = Buffer.allocUnsafe(Math.max(expectedBytes, CAPACITY_BYTES_MIN));
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length);
  }

  /** Makes room for `byteCount` more bytes and returns where they begin. */
  reserve(byteCount: number): number {
    if (this.used + byteCount > this.bytes.length) this.#grow(this.used + byteCount);
    return this.used;
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafe(Math.max(needed, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.used));
    this.bytes = larger;
    this.view = new DataView(larger.buffer, larger.byteOffset, larger.length);
  }

  /** What was written, without a copy; no `Buffer`, whose `slice` shares memory where an array's copies. */
  written(): Uint8Array {
    return new Uint8Array(this.bytes.buffer, this.bytes.byteOffset, this.used);
  }
}

/** Below this a loop copies faster than a view can be made. */
const LOOP_BYTES_MAX = 64;

/** Appends one BYTES element: its length in 4 bytes, then its content, bytes `from` to `end` of `source`. */
export function appendBytesElement(to: GrowingBytes, source: Uint8Array, from = 0, end = source.length): void {
  const length = end - from;
  const at = to.reserve(4 + length);
  to.view.setUint32(at, length, true);
  if (length > LOOP_BYTES_MAX) to.bytes.set(source.subarray(from, end), at + 4);
  else for (let i = 0; i < length; i++) to.bytes[at + 4 + i] = source[from + i] as number;
  to.used = at + 4 + length;
}
