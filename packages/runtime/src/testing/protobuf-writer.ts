/** Writes protobuf fields into a list of chunks; large byte fields are kept as they are, never copied. */
export class ProtobufWriter {
  readonly #chunks: Uint8Array[] = [];
  #size = 0;

  /** Bytes written so far. */
  get size(): number {
    return this.#size;
  }

  /** The written chunks, in order. */
  get chunks(): readonly Uint8Array[] {
    return this.#chunks;
  }

  /** A varint field (wire type 0). @returns this writer. */
  varint(field: number, value: number | bigint): this {
    if (value === 0 || value === 0n) return this;
    this.#push(varint((field << 3) | 0), varint(value));
    return this;
  }

  /** A 32-bit float field (wire type 5). */
  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    this.#push(varint((field << 3) | 5), bytes);
    return this;
  }

  /** A length-delimited field (wire type 2). */
  bytes(field: number, value: Uint8Array): this {
    this.#push(varint((field << 3) | 2), varint(value.length), value);
    return this;
  }

  /** A string field. */
  string(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  /** An embedded message, written by `write`. */
  message(field: number, write: (writer: ProtobufWriter) => void): this {
    const inner = new ProtobufWriter();
    write(inner);
    this.#push(varint((field << 3) | 2), varint(inner.size), ...inner.chunks);
    return this;
  }

  /** All chunks as one. */
  concat(): Uint8Array {
    return Buffer.concat(this.#chunks, this.#size);
  }

  #push(...chunks: Uint8Array[]): void {
    for (const chunk of chunks) {
      this.#chunks.push(chunk);
      this.#size += chunk.length;
    }
  }
}

/** Encodes an unsigned varint; a negative number is written in ten bytes, as protobuf writes int64. */
function varint(value: number | bigint): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value));
  const out: number[] = [];
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    out.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Uint8Array.from(out);
}
