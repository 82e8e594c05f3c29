import { MeshError } from '@modelmesh/core';

/** A position in the bytes of one protobuf message. Numbers come without allocation; content is named by its range. */
export class ProtoSlice {
  readonly bytes: Uint8Array;
  position: number;
  end: number;
  /** The halves of what {@link varint64} read last. */
  low = 0;
  high = 0;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
  }

  /** The next field's tag, or 0 at the end. */
  tag(): number {
    if (this.position >= this.end) return 0;
    const tag = this.varint();
    if (tag < 8 || tag > 0xffffffff) throw this.malformed('a field number is out of range');
    return tag;
  }

  /** A varint as a number: exact up to 2^53, and for a negative int32 or int64 its unsigned form. */
  varint(): number {
    const { bytes, end } = this;
    let value = 0;
    let factor = 1;
    for (let i = 0; i < 10; i++) {
      if (this.position >= end) throw this.malformed('a number is cut short');
      const byte = bytes[this.position++] as number;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    throw this.malformed('a number is longer than 10 bytes');
  }

  /** Reads a varint with all its 64 bits into {@link low} and {@link high}, both unsigned: exact and without allocation. */
  varint64(): void {
    const { bytes, end } = this;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.position >= end) throw this.malformed('a number is cut short');
      const byte = bytes[this.position++] as number;
      const part = byte & 0x7f;
      if (shift < 28) low |= part << shift;
      else if (shift === 28) {
        low |= part << 28;
        high = part >>> 4;
      } else high |= shift < 63 ? part << (shift - 32) : part << 31;
      if (byte >= 0x80) continue;
      this.low = low >>> 0;
      this.high = high >>> 0;
      return;
    }
    throw this.malformed('a number is longer than 10 bytes');
  }

  /** A length; the content then is `[position, returned)`. */
  lengthEnd(): number {
    const length = this.varint();
    if (length > this.end - this.position)
      throw this.malformed(`a field of ${length} bytes stands where ${this.end - this.position} are left`);
    return this.position + length;
  }

  /** A length-delimited field as text. */
  text(): string {
    const end = this.lengthEnd();
    const text = utf8(this.bytes, this.position, end);
    this.position = end;
    return text;
  }

  /** Skips the content of a field. */
  skip(wireType: number): void {
    switch (wireType) {
      case 0:
        this.varint();
        return;
      case 1:
        this.#advance(8);
        return;
      case 2:
        this.position = this.lengthEnd();
        return;
      case 5:
        this.#advance(4);
        return;
      default:
        throw this.malformed(`wire type ${wireType} is not used by proto3`);
    }
  }

  /** The error for bytes that are no such message. */
  malformed(why: string): MeshError {
    return new MeshError('invalid-argument', `malformed ModelInferRequest: at byte ${this.position}, ${why}`);
  }

  #advance(count: number): void {
    if (count > this.end - this.position) throw this.malformed('a fixed-size field is cut short');
    this.position += count;
  }
}

/** Text of a range; bytes that are not UTF-8 become replacement characters. */
export function utf8(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}
