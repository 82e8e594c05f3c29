import { FRAME_PREFIX_BYTES } from '../framing/index.ts';

const BYTES_PER_QUAD = 3;
const NOTHING: Uint8Array = new Uint8Array(0);

/**
 * Writes frames of gRPC in base64, each frame padded by itself: what a client has received of whole messages it can always read. Pieces of a
 * frame leave at once, but for two bytes that may wait for the next piece.
 */
export class Base64Encoder {
  /** Bytes of a quad that is not complete. */
  readonly #carry = new Uint8Array(BYTES_PER_QUAD);
  #carried = 0;
  #prefixSeen = 0;
  /** Bytes of the frame that are to come: of its message once the prefix is read. */
  #left = 0;

  /** The text of the next bytes of the stream, in ASCII. */
  push(bytes: Uint8Array): Uint8Array {
    let text = '';
    for (let at = 0; at < bytes.byteLength; ) {
      const until = this.#advance(bytes, at);
      text += this.#encode(bytes.subarray(at, until), this.#atBoundary);
      at = until;
    }
    return text === '' ? NOTHING : Buffer.from(text, 'latin1');
  }

  get #atBoundary(): boolean {
    return this.#prefixSeen === 0;
  }

  /** Where the frame that `at` lies in ends, or the bytes do. */
  #advance(bytes: Uint8Array, at: number): number {
    let next = at;
    while (this.#prefixSeen < FRAME_PREFIX_BYTES && next < bytes.byteLength) {
      if (this.#prefixSeen > 0) this.#left = this.#left * 256 + (bytes[next] ?? 0);
      this.#prefixSeen += 1;
      next += 1;
    }
    if (this.#prefixSeen < FRAME_PREFIX_BYTES) return next;
    const until = Math.min(bytes.byteLength, next + this.#left);
    this.#left -= until - next;
    if (this.#left === 0) this.#prefixSeen = 0;
    return until;
  }

  #encode(piece: Uint8Array, ends: boolean): string {
    let text = '';
    let from = 0;
    if (this.#carried > 0) {
      while (this.#carried < BYTES_PER_QUAD && from < piece.byteLength) {
        this.#carry[this.#carried] = piece[from] ?? 0;
        this.#carried += 1;
        from += 1;
      }
      if (this.#carried < BYTES_PER_QUAD && !ends) return '';
      text = base64Of(this.#carry, 0, this.#carried);
      this.#carried = 0;
    }
    const rest = ends ? 0 : (piece.byteLength - from) % BYTES_PER_QUAD;
    const until = piece.byteLength - rest;
    for (let at = until; at < piece.byteLength; at += 1) {
      this.#carry[this.#carried] = piece[at] ?? 0;
      this.#carried += 1;
    }
    return text + base64Of(piece, from, until);
  }
}

const base64Of = (bytes: Uint8Array, from: number, to: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('base64');
