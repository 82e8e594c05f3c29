import { MeshError } from '@modelmesh/core';

const PREFIX_BYTES = 5;

/**
 * Follows the length prefixes of gRPC messages through a byte stream without keeping any of it, whatever the boundaries of the chunks:
 * how many messages have begun, and that none is longer than allowed.
 */
export class MessageScanner {
  readonly #messageBytesMax: number;
  #begun = 0;
  #prefixSeen = 0;
  #length = 0;
  #left = 0;
  #payloadBytes = 0;

  constructor(messageBytesMax: number) {
    this.#messageBytesMax = messageBytesMax;
  }

  /** Messages whose prefix is complete. */
  get messages(): number {
    return this.#begun;
  }

  /** Message bytes so far, prefixes not counted. */
  get payloadBytes(): number {
    return this.#payloadBytes;
  }

  /** Whether the stream may end here. */
  get atBoundary(): boolean {
    return this.#prefixSeen === 0 && this.#left === 0;
  }

  /** @throws {MeshError} `too-large` when a message announces more than the limit. */
  scan(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, bytes.length - at);
        this.#left -= step;
        this.#payloadBytes += step;
        at += step;
        continue;
      }
      const byte = bytes[at] ?? 0;
      at += 1;
      // The first byte of a prefix is the compressed flag, the other four the length, most significant first.
      if (this.#prefixSeen > 0) this.#length = this.#length * 256 + byte;
      this.#prefixSeen += 1;
      if (this.#prefixSeen === PREFIX_BYTES) this.#begin();
    }
  }

  #begin(): void {
    if (this.#length > this.#messageBytesMax) {
      throw new MeshError('too-large', `message of ${this.#length} bytes is larger than the limit of ${this.#messageBytesMax}`);
    }
    this.#begun += 1;
    this.#left = this.#length;
    this.#length = 0;
    this.#prefixSeen = 0;
  }
}
