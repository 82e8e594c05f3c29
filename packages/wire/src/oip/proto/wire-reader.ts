import { Buffer } from 'node:buffer';
import { MeshError, type MeshErrorKind } from '@modelmesh/core';

/** Wire types of protobuf's encoding; groups are refused. */
export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH_DELIMITED = 2;
export const FIXED32 = 5;

/**
 * Reads protobuf's wire format from one piece of bytes, for the few messages on the hot path: contents come as slices, nothing is copied.
 *
 * Every method throws {@link MeshError} of the given kind with the byte offset where the message is malformed: a request's fault is
 * `invalid-argument`, a runtime's answer `internal`.
 */
export class WireReader {
  readonly bytes: Uint8Array;
  readonly kind: MeshErrorKind;
  pos: number;
  /** Where the current message ends. */
  end: number;
  /** Wire type of the tag that was read last. */
  wireType = 0;
  readonly #buffer: Buffer;

  constructor(bytes: Uint8Array, kind: MeshErrorKind) {
    this.bytes = bytes;
    this.kind = kind;
    this.pos = 0;
    this.end = bytes.length;
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  fail(problem: string): never {
    throw new MeshError(this.kind, `malformed message at byte ${this.pos}: ${problem}`);
  }

  /** Reads the next tag and returns its field number, or 0 at the end of the current message. */
  field(): number {
    if (this.pos >= this.end) return 0;
    const tag = this.varint();
    const field = Math.floor(tag / 8);
    this.wireType = tag % 8;
    if (field === 0 || tag > 0xffffffff) this.fail('a tag without a field number');
    return field;
  }

  /** Reads a varint, exact up to 2^53; larger ones come rounded and are only fit to be refused. */
  varint(): number {
    let value = 0;
    let unit = 1;
    for (let i = 0; i < 10; i++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
      unit *= 128;
    }
    return this.fail('a varint of more than 10 bytes');
  }

  /** Reads a varint of 64 bits as the signed integer that its two's complement stands for. */
  int64(): bigint {
    const short = this.#shortVarint();
    if (short >= 0) return BigInt(short);
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
    return this.fail('a varint of more than 10 bytes');
  }

  /** Reads an int64 that must be a safe integer, as dimensions are. */
  dimension(): number {
    const short = this.#shortVarint();
    return short >= 0 ? short : Number(this.int64());
  }

  /** A varint of at most four bytes, or -1 and nothing read. */
  #shortVarint(): number {
    let value = 0;
    for (let i = 0; i < 4 && this.pos + i < this.end; i++) {
      const byte = this.bytes[this.pos + i] as number;
      value |= (byte & 0x7f) << (7 * i);
      if (byte < 0x80) {
        this.pos += i + 1;
        return value;
      }
    }
    return -1;
  }

  #byte(): number {
    if (this.pos >= this.end) this.fail('unexpected end');
    return this.bytes[this.pos++] as number;
  }

  /** Steps over a length prefix and returns where the content that follows ends. */
  lengthEnd(): number {
    if (this.wireType !== LENGTH_DELIMITED) this.fail(`wire type ${this.wireType} where a length-delimited field was expected`);
    const length = this.varint();
    if (length > this.end - this.pos) this.fail(`a length of ${length} bytes with ${this.end - this.pos} left`);
    return this.pos + length;
  }

  /** Reads a length-delimited field as a slice of the message. */
  slice(): Uint8Array {
    const end = this.lengthEnd();
    const content = this.bytes.subarray(this.pos, end);
    this.pos = end;
    return content;
  }

  /** Reads a string field; bytes that are not UTF-8 become U+FFFD, since names and ids are only compared and shown. */
  string(): string {
    const end = this.lengthEnd();
    const text = this.#buffer.toString('utf8', this.pos, end);
    this.pos = end;
    return text;
  }

  /** Reads the fields of a nested message; `visit` must read or skip each field it is given. */
  message(visit: (field: number) => void): void {
    const outer = this.end;
    this.end = this.lengthEnd();
    for (let field = this.field(); field !== 0; field = this.field()) visit(field);
    this.end = outer;
  }

  /** Reads a double. */
  double(): number {
    if (this.end - this.pos < 8) this.fail('unexpected end');
    const value = this.#buffer.readDoubleLE(this.pos);
    this.pos += 8;
    return value;
  }

  /** Requires the wire type of a scalar field. */
  expect(wireType: number): void {
    if (this.wireType !== wireType) this.fail(`wire type ${this.wireType} where ${wireType} was expected`);
  }

  /** Steps over the field whose tag was read last. */
  skip(): void {
    if (this.wireType === VARINT) this.varint();
    else if (this.wireType === LENGTH_DELIMITED) this.pos = this.lengthEnd();
    else if (this.wireType === FIXED64 || this.wireType === FIXED32) {
      const size = this.wireType === FIXED64 ? 8 : 4;
      if (this.end - this.pos < size) this.fail('unexpected end');
      this.pos += size;
    } else this.fail(`unknown wire type ${this.wireType}`);
  }
}
