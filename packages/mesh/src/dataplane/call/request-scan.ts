import { MeshError } from '@modelmesh/core';
import { FrameScanner, type FrameSink } from '@modelmesh/grpc/framing';

/** Counts the messages of a request while it passes. */
export class RequestScan implements FrameSink {
  /** Messages that have begun. */
  messages = 0;
  /** Of them, prefixes not counted. */
  payloadBytes = 0;
  readonly #scanner: FrameScanner;

  constructor(messageBytesMax: number) {
    this.#scanner = new FrameScanner(messageBytesMax, this);
  }

  /** More of the request. @throws {MeshError} for a message that is too large, and for a request that `end`s within one */
  push(bytes: Uint8Array, end: boolean): void {
    this.#scanner.push(bytes);
    if (end && this.#scanner.midMessage) throw new MeshError('invalid-argument', 'the request ends in the middle of a message');
  }

  onMessageStart(byteLength: number): void {
    this.messages += 1;
    this.payloadBytes += byteLength;
  }

  onMessageBytes(): void {}

  onMessageEnd(): void {}
}
