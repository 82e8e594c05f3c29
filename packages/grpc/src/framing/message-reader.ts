import { keepBeyondTurn } from '../stream/index.ts';
import { FrameScanner, type FrameSink } from './frame-scanner.ts';

/** One message as it lay in the stream. */
export interface FramedMessage {
  /** The bytes, in order, without the prefix; not joined, since most are only passed on. */
  readonly slices: readonly Uint8Array[];
  readonly byteLength: number;
  readonly compressed: boolean;
}

/**
 * Collects whole messages. Slices that wait for the rest of their message beyond the turn are kept by the rule of buffers: copied when
 * they would pin a much larger buffer.
 */
export class MessageReader {
  readonly #scanner: FrameScanner;
  readonly #onMessage: (message: FramedMessage) => void;
  #slices: Uint8Array[] = [];
  #byteLength = 0;
  #compressed = false;
  /** How many of the slices were already made safe to keep. */
  #kept = 0;

  /** @param limitBytes the largest message, before decompression */
  constructor(limitBytes: number, onMessage: (message: FramedMessage) => void) {
    this.#onMessage = onMessage;
    this.#scanner = new FrameScanner(limitBytes, this.#sink());
  }

  /** Whether the stream would end inside a message if it ended now. */
  get midMessage(): boolean {
    return this.#scanner.midMessage;
  }

  /** @throws {MeshError} as {@link FrameScanner.push}. */
  push(bytes: Uint8Array): void {
    this.#scanner.push(bytes);
    for (; this.#kept < this.#slices.length; this.#kept += 1) {
      const slice = this.#slices[this.#kept];
      if (slice !== undefined) this.#slices[this.#kept] = keepBeyondTurn(slice);
    }
  }

  #sink(): FrameSink {
    return {
      onMessageStart: (byteLength, compressed) => {
        this.#byteLength = byteLength;
        this.#compressed = compressed;
      },
      onMessageBytes: (bytes) => {
        this.#slices.push(bytes);
      },
      onMessageEnd: () => {
        const message = { slices: this.#slices, byteLength: this.#byteLength, compressed: this.#compressed };
        this.#slices = [];
        this.#kept = 0;
        this.#onMessage(message);
      },
    };
  }
}

/** The bytes of a message as one array: the only slice itself, or a copy of all. */
export function joinSlices(message: Pick<FramedMessage, 'slices' | 'byteLength'>): Uint8Array {
  const [first] = message.slices;
  if (first !== undefined && message.slices.length === 1) return first;
  const joined = new Uint8Array(message.byteLength);
  let at = 0;
  for (const slice of message.slices) {
    joined.set(slice, at);
    at += slice.byteLength;
  }
  return joined;
}
