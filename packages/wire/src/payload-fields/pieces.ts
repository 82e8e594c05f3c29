const NOTHING = new Uint8Array(0);

/** Puts a value together that comes in pieces. Room is taken as bytes come: a length that is only announced costs nothing. */
export class Pieces {
  #bytes = NOTHING;
  #length = 0;

  /** Keeps a copy of one more piece. */
  add(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(length, this.#bytes.length * 2, 64));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = length;
  }

  /** All that was kept and the last piece; nothing is kept any more. A value of one piece is that piece itself. */
  whole(last: Uint8Array): Uint8Array {
    if (this.#length === 0) return last;
    this.add(last);
    const whole = this.#bytes.subarray(0, this.#length);
    this.#bytes = NOTHING;
    this.#length = 0;
    return whole;
  }
}
