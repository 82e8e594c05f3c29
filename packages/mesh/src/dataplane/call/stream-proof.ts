import { FrameScanner, type FrameSink } from '@modelmesh/grpc/framing';

/** Counts the messages of an answer until there are two, which only a stream has. Says nothing about their size or their form. */
export class StreamProof implements FrameSink {
  readonly #scanner = new FrameScanner(Number.MAX_SAFE_INTEGER, this);
  #messages = 0;
  #readable = true;

  /** More of the answer. True from the second message on. */
  push(bytes: Uint8Array): boolean {
    if (this.#messages < 2 && this.#readable) {
      try {
        this.#scanner.push(bytes);
      } catch {
        // Not gRPC messages: whoever reads the answer will say so, it is no proof of a stream.
        this.#readable = false;
      }
    }
    return this.#messages >= 2;
  }

  onMessageStart(): void {
    this.#messages += 1;
  }

  onMessageBytes(): void {}

  onMessageEnd(): void {}
}
