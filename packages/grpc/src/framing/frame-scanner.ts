import { MeshError } from '@modelmesh/core';

/** Bytes before each message: one of flags, four of length, big endian. Source: gRPC over HTTP/2, *Length-Prefixed-Message*. */
export const FRAME_PREFIX_BYTES = 5;

const COMPRESSED = 1;

/** Hears what a {@link FrameScanner} finds, in order, within the call of `push`. */
export interface FrameSink {
  /** A message of `byteLength` bytes begins. */
  onMessageStart(byteLength: number, compressed: boolean): void;
  /** The next bytes of the message; never called with none. */
  onMessageBytes(bytes: Uint8Array): void;
  /** The message is complete. */
  onMessageEnd(): void;
}

/**
 * Finds messages in the bytes of a stream without holding any: prefix and message may be cut anywhere by DATA frames.
 */
export class FrameScanner {
  readonly #limitBytes: number;
  readonly #sink: FrameSink;
  #prefixSeen = 0;
  #flags = 0;
  #length = 0;
  #left = 0;

  /** @param limitBytes the largest message that is let through */
  constructor(limitBytes: number, sink: FrameSink) {
    this.#limitBytes = limitBytes;
    this.#sink = sink;
  }

  /** Whether a prefix or a message has begun and is not complete: the stream must not end here. */
  get midMessage(): boolean {
    return this.#prefixSeen > 0;
  }

  /** @throws {MeshError} `too-large` above the limit, `invalid-argument` for flags that gRPC does not know. */
  push(bytes: Uint8Array): void {
    let at = this.#prefixSeen === 0 && bytes.byteLength >= FRAME_PREFIX_BYTES ? this.#prefix(bytes) : 0;
    while (at < bytes.byteLength) {
      if (this.#prefixSeen < FRAME_PREFIX_BYTES) {
        this.#prefixByte(bytes[at] ?? 0);
        at += 1;
        continue;
      }
      const until = Math.min(bytes.byteLength, at + this.#left);
      this.#left -= until - at;
      this.#sink.onMessageBytes(at === 0 && until === bytes.byteLength ? bytes : bytes.subarray(at, until));
      at = until;
      if (this.#left === 0) this.#end();
    }
  }

  /** The prefix that `bytes` begin with, at once, as most do. @returns its length */
  #prefix(bytes: Uint8Array): number {
    this.#flags = bytes[0] as number;
    this.#length =
      (bytes[1] as number) * 0x100_0000 + (((bytes[2] as number) << 16) | ((bytes[3] as number) << 8) | (bytes[4] as number));
    this.#prefixSeen = FRAME_PREFIX_BYTES;
    this.#begin();
    return FRAME_PREFIX_BYTES;
  }

  #prefixByte(byte: number): void {
    if (this.#prefixSeen === 0) this.#flags = byte;
    else this.#length = this.#length * 256 + byte;
    this.#prefixSeen += 1;
    if (this.#prefixSeen === FRAME_PREFIX_BYTES) this.#begin();
  }

  #begin(): void {
    if (this.#flags > COMPRESSED)
      throw new MeshError('invalid-argument', `a gRPC message starts with flags ${this.#flags}, expected 0 or 1`);
    if (this.#length > this.#limitBytes) {
      const sentence = `a gRPC message of ${this.#length} bytes is above the limit of ${this.#limitBytes} bytes (messageBytesMax)`;
      throw new MeshError('too-large', sentence);
    }
    this.#left = this.#length;
    this.#sink.onMessageStart(this.#length, this.#flags === COMPRESSED);
    if (this.#left === 0) this.#end();
  }

  #end(): void {
    this.#prefixSeen = 0;
    this.#length = 0;
    this.#sink.onMessageEnd();
  }
}
