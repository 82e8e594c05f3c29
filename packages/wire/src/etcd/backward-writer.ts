/**
 * Writes a protobuf message from its end to its beginning, so that the length of whatever is nested is known when it is to be written: each text
 * goes into the one buffer at once, and nothing is measured or copied twice.
 */
export class BackwardWriter {
  #buffer: Buffer;
  #at: number;

  /** `byteCount`: about how long the message becomes; it grows where that was too little. */
  constructor(byteCount: number) {
    this.#buffer = Buffer.allocUnsafe(Math.max(64, byteCount));
    this.#at = this.#buffer.length;
  }

  /** Bytes written so far: what a nested message began with tells how long it is. */
  get length(): number {
    return this.#buffer.length - this.#at;
  }

  /** A whole number from 0 to 2^53. */
  varint(value: number): void {
    this.#reserve(10);
    let bytes = 1;
    for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes += 1;
    this.#at -= bytes;
    let rest = value;
    for (let index = 0; index < bytes; index++) {
      this.#buffer[this.#at + index] = (rest % 0x80) | (index < bytes - 1 ? 0x80 : 0);
      rest = Math.floor(rest / 0x80);
    }
  }

  /** A number of 64 bits, negative ones in their ten bytes. */
  varint64(value: bigint): void {
    if (value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER)) {
      this.varint(Number(value));
      return;
    }
    this.#reserve(10);
    const bytes: number[] = [];
    for (let rest = BigInt.asUintN(64, value); rest > 0n || bytes.length === 0; rest >>= 7n) bytes.push(Number(rest & 0x7fn));
    this.#at -= bytes.length;
    for (const [index, byte] of bytes.entries()) this.#buffer[this.#at + index] = byte | (index < bytes.length - 1 ? 0x80 : 0);
  }

  /** A field number with the way its value is written: 0 a number, 2 what has a length. Comes after the value. */
  tag(field: number, wireType: 0 | 2): void {
    this.varint(field * 8 + wireType);
  }

  /** A whole field of text. */
  text(field: number, text: string): void {
    // No text becomes more than three bytes a character.
    this.#reserve(text.length * 3);
    const byteCount = Buffer.byteLength(text);
    this.#at -= byteCount;
    this.#buffer.write(text, this.#at, 'utf8');
    this.varint(byteCount);
    this.tag(field, 2);
  }

  /** Closes a nested message that began when so many bytes were written. */
  close(field: number, from: number): void {
    this.varint(this.length - from);
    this.tag(field, 2);
  }

  /** What was written. */
  finish(): Uint8Array {
    return this.#buffer.subarray(this.#at);
  }

  #reserve(byteCount: number): void {
    if (this.#at >= byteCount) return;
    const grown = Buffer.allocUnsafe(Math.max(2 * this.#buffer.length, this.length + byteCount));
    const at = grown.length - this.length;
    this.#buffer.copy(grown, at, this.#at);
    this.#buffer = grown;
    this.#at = at;
  }
}
