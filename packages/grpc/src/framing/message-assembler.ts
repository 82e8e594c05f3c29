import { FrameScanner, type FrameSink } from './frame-scanner.ts';

/** What a message's buffer starts with; a length that is only claimed reserves no more. */
const FIRST_BYTES_MAX = 65_536;

/** Hears of one whole message; `bytes` are the hearer's own. */
export type OnAssembled = (bytes: Uint8Array, compressed: boolean) => void;

/**
 * Copies whole messages out of the stream's buffers, so that credit can be returned for every byte at once and what is decoded from them
 * may be kept: for calls that decode. What only passes on uses the reader, which copies nothing.
 */
export class MessageAssembler {
  readonly #scanner: FrameScanner;
  #buffer: Uint8Array = new Uint8Array(0);
  #filled = 0;
  #length = 0;
  #compressed = false;

  /** @param limitBytes the largest message, before decompression */
  constructor(limitBytes: number, onMessage: OnAssembled) {
    const sink: FrameSink = {
      onMessageStart: (byteLength, compressed) => {
        this.#length = byteLength;
        this.#compressed = compressed;
        this.#buffer = new Uint8Array(Math.min(byteLength, FIRST_BYTES_MAX));
        this.#filled = 0;
      },
      onMessageBytes: (bytes) => this.#append(bytes),
      onMessageEnd: () => {
        const whole = this.#buffer;
        this.#buffer = new Uint8Array(0);
        onMessage(whole, this.#compressed);
      },
    };
    this.#scanner = new FrameScanner(limitBytes, sink);
  }

  /** Whether the stream would end inside a message if it ended now. */
  get midMessage(): boolean {
    return this.#scanner.midMessage;
  }

  /** @throws {MeshError} as {@link FrameScanner.push}. */
  push(bytes: Uint8Array): void {
    this.#scanner.push(bytes);
  }

  #append(bytes: Uint8Array): void {
    const needed = this.#filled + bytes.byteLength;
    if (needed > this.#buffer.byteLength) {
      const grown = new Uint8Array(Math.min(this.#length, Math.max(needed, 2 * this.#buffer.byteLength)));
      grown.set(this.#buffer.subarray(0, this.#filled));
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, this.#filled);
    this.#filled = needed;
  }
}
