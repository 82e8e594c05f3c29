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

/** Appends one BYTES element: its length in 4 bytes, then its content. */
export function appendBytesElement(to: GrowingBytes, content: Uint8Array): void {
  const at = to.reserve(4 + content.length);
  to.view.setUint32(at, content.length, true);
  to.bytes.set(content, at + 4);
  to.used = at + 4 + content.length;
}
