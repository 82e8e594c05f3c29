import { toMeshError } from '@modelmesh/core';
import { deflateMessage, type MessageEncoding } from '../compression/index.ts';
import { frameMessage, joinSlices } from '../framing/index.ts';
import type { ByteStream } from '../stream/index.ts';

/** Messages below this size are sent as they are: compressing them costs more than it saves. */
const COMPRESS_BYTES_MIN = 1024;

/** Sends messages on one direction of a call and lets a pump wait for room. */
export class Outbound {
  readonly #stream: ByteStream;
  readonly #encoding: MessageEncoding;
  #resume: (() => void) | undefined = undefined;
  #over = false;

  constructor(stream: ByteStream, encoding: MessageEncoding) {
    this.#stream = stream;
    this.#encoding = encoding;
  }

  /** Whether `slices` will be compressed, which takes a turn. */
  compresses(slices: readonly Uint8Array[]): boolean {
    if (this.#encoding === 'identity') return false;
    let byteLength = 0;
    for (const slice of slices) byteLength += slice.byteLength;
    return byteLength >= COMPRESS_BYTES_MIN;
  }

  /** Sends a message as it is. False: wait for {@link writable}. */
  send(slices: readonly Uint8Array[], compressed = false): boolean {
    if (this.#over) return true;
    let roomLeft = true;
    for (const piece of frameMessage(slices, compressed)) roomLeft = this.#stream.sendData(piece, false);
    return roomLeft;
  }

  /** Sends a message, compressed where that pays, and resolves when the next one may follow. */
  async sendWhenRoom(slices: readonly Uint8Array[]): Promise<void> {
    if (!this.compresses(slices)) {
      if (!this.send(slices)) await this.#writable();
      return;
    }
    const byteLength = slices.reduce((sum, slice) => sum + slice.byteLength, 0);
    const compressed = await deflateMessage(this.#encoding, joinSlices({ slices, byteLength }));
    if (!this.send([compressed], true)) await this.#writable();
  }

  /** From the stream: the socket took what was sent. */
  onWritable(): void {
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }

  /** Nothing more is sent; a pump that waits for room goes on and finds that it is over. */
  stop(): void {
    this.#over = true;
    this.onWritable();
  }

  #writable(): Promise<void> {
    if (this.#over) return Promise.resolve();
    return new Promise((resolve) => {
      this.#resume = resolve;
    });
  }
}

/** Sends every message of `messages`; ends early when `isOver` says so. An error of the iterable is thrown as a MeshError. */
export async function pump<Init>(
  messages: AsyncIterable<Init>,
  encode: (message: Init) => readonly Uint8Array[],
  outbound: Outbound,
  isOver: () => boolean,
): Promise<void> {
  try {
    for await (const message of messages) {
      if (isOver()) return;
      await outbound.sendWhenRoom(encode(message));
      if (isOver()) return;
    }
  } catch (error) {
    throw toMeshError(error);
  }
}
