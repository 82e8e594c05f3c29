import { Buffer } from 'node:buffer';
import { FIXED64, LENGTH_DELIMITED, VARINT } from './wire-reader.ts';

const CAPACITY_BYTES_MIN = 256;

/** Content below this is copied into the open chunk: a slice of its own costs more than the copy. */
export const SLICE_BYTES_MIN = 4096;

/** Writes protobuf's wire format as a list of chunks; large `bytes` fields become chunks of their own, without a copy. */
export class WireWriter {
  #out: Buffer;
  #pos = 0;
  /** Where the part of `#out` begins that is not yet a chunk. */
  #from = 0;
  readonly #chunks: Uint8Array[] = [];

  constructor(expectedBytes = CAPACITY_BYTES_MIN) {
    this.#out = Buffer.allocUnsafe(Math.max(expectedBytes, CAPACITY_BYTES_MIN));
  }

  /** Writes a string field, unless it is empty: proto3 leaves defaults out. */
  string(field: number, text: string): void {
    if (text !== '') this.stringAlways(field, text);
  }

  /** Writes a string field even if empty, for members of a oneof and map keys. */
  stringAlways(field: number, text: string): void {
    const length = Buffer.byteLength(text);
    this.#reserve(length + 20);
    this.#varint(field * 8 + LENGTH_DELIMITED);
    this.#varint(length);
    this.#pos += this.#out.write(text, this.#pos, 'utf8');
  }

  /** Writes a varint field of a non-negative safe integer. */
  unsigned(field: number, value: number): void {
    this.#reserve(20);
    this.#varint(field * 8 + VARINT);
    this.#varint(value);
  }

  /** Writes a varint field of 64 bits; negative values take ten bytes, as int64 does. */
  integer64(field: number, value: bigint): void {
    this.#reserve(20);
    this.#varint(field * 8 + VARINT);
    let rest = BigInt.asUintN(64, value);
    for (; rest > 0x7fn; rest >>= 7n) this.#out[this.#pos++] = Number(rest & 0x7fn) | 0x80;
    this.#out[this.#pos++] = Number(rest);
  }

  /** Writes a double field. */
  double(field: number, value: number): void {
    this.#reserve(20);
    this.#varint(field * 8 + FIXED64);
    this.#pos = this.#out.writeDoubleLE(value, this.#pos);
  }

  /** Writes a `bytes` field, empty ones too: entries of a repeated field count by their place. */
  bytes(field: number, content: Uint8Array): void {
    this.#reserve(20);
    this.#varint(field * 8 + LENGTH_DELIMITED);
    this.#varint(content.length);
    if (content.length < SLICE_BYTES_MIN) {
      this.#reserve(content.length);
      this.#out.set(content, this.#pos);
      this.#pos += content.length;
    } else {
      this.#close();
      this.#chunks.push(content);
    }
  }

  /** Writes a repeated field of non-negative integers, packed. */
  packed(field: number, values: readonly number[]): void {
    if (values.length === 0) return;
    const mark = this.begin(field);
    this.#reserve(values.length * 10);
    for (const value of values) this.#varint(value);
    this.finish(mark);
  }

  /** Begins a nested message, which must hold no large `bytes` field; returns what `finish` needs. */
  begin(field: number): number {
    this.#reserve(20);
    this.#varint(field * 8 + LENGTH_DELIMITED);
    return ++this.#pos; // one byte for the length; `finish` moves the content where that is not enough
  }

  /** Ends a nested message. */
  finish(mark: number): void {
    const length = this.#pos - mark;
    if (length >= 0x80) {
      const extra = length < 0x4000 ? 1 : length < 0x200000 ? 2 : length < 0x10000000 ? 3 : 4;
      this.#reserve(extra);
      this.#out.copyWithin(mark + extra, mark, this.#pos);
    }
    this.#pos = mark - 1;
    this.#varint(length);
    this.#pos += length;
  }

  /** The message. The writer must not be used after. */
  chunks(): Uint8Array[] {
    this.#close();
    return this.#chunks;
  }

  #close(): void {
    if (this.#pos > this.#from) this.#chunks.push(this.#out.subarray(this.#from, this.#pos));
    this.#from = this.#pos;
  }

  #varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.#out[this.#pos++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#out[this.#pos++] = rest;
  }

  /** Chunks that were handed out stay valid: growing copies, and closed bytes are never written again. */
  #reserve(byteCount: number): void {
    if (this.#pos + byteCount <= this.#out.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#out.length * 2, this.#pos + byteCount));
    larger.set(this.#out.subarray(0, this.#pos));
    this.#out = larger;
  }
}
