import { MALFORMED, malformed, VARINT_BYTES_MAX } from './wire-format.ts';

/** Reads forward through bytes that lie in several pieces. */
export class ChunkCursor {
  readonly #chunks: readonly Uint8Array[];
  /** Bytes of all pieces. */
  readonly length: number;
  #index = 0;
  /** Position of the first byte of the present piece. */
  #base = 0;
  #position = 0;

  constructor(chunks: readonly Uint8Array[]) {
    this.#chunks = chunks;
    let length = 0;
    for (const chunk of chunks) length += chunk.length;
    this.length = length;
  }

  /** Position of the next byte. */
  get position(): number {
    return this.#position;
  }

  /** Moves to a later position, at most to the end. */
  moveTo(position: number): void {
    this.#position = position;
  }

  /** The next byte; the caller has checked that there is one. */
  #byte(): number {
    let chunk = this.#chunks[this.#index];
    while (chunk !== undefined && this.#position >= this.#base + chunk.length) {
      this.#base += chunk.length;
      chunk = this.#chunks[++this.#index];
    }
    return chunk?.[this.#position++ - this.#base] ?? 0;
  }

  /** A varint that ends before `end`; inexact above 2^53. @throws {MeshError} with `fieldStart` if it does not end there. */
  varint(end: number, fieldStart: number): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < VARINT_BYTES_MAX; count++) {
      if (this.#position >= end) throw malformed(fieldStart, MALFORMED.overrun);
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    throw malformed(fieldStart, MALFORMED.varintTooLong);
  }

  /** Whether the next bytes are `expected`; leaves the position anywhere within them. */
  startsWith(expected: Uint8Array): boolean {
    for (const byte of expected) if (this.#byte() !== byte) return false;
    return true;
  }
}
