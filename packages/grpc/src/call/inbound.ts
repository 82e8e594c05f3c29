import { MeshError, toMeshError } from '@modelmesh/core';
import { INFLATE_RATIO_MAX, inflateMessage, type MessageEncoding } from '../compression/index.ts';
import { MessageAssembler } from '../framing/index.ts';

/** Hears the messages of one direction, in order; nothing after the end or an error. */
export interface InboundSink {
  /** `bytes` are the sink's own. */
  onMessage(bytes: Uint8Array): void;
  onInboundEnd(): void;
  onInboundError(error: MeshError): void;
}

/** The bytes of one direction of a call become decompressed messages. Inflating in the thread pool never changes their order. */
export class Inbound {
  readonly #assembler: MessageAssembler;
  readonly #encoding: MessageEncoding;
  readonly #messageBytesMax: number;
  readonly #sink: InboundSink;
  /** What is being inflated, and everything that must stay behind it. */
  #tail: Promise<void> | undefined = undefined;
  #over = false;

  constructor(encoding: MessageEncoding, messageBytesMax: number, sink: InboundSink) {
    this.#encoding = encoding;
    this.#messageBytesMax = messageBytesMax;
    this.#sink = sink;
    this.#assembler = new MessageAssembler(messageBytesMax, (bytes, compressed) => this.#assembled(bytes, compressed));
  }

  /** Whether messages wait for one that is being inflated: their bytes should not be credited yet. */
  get busy(): boolean {
    return this.#tail !== undefined;
  }

  /** Copies what it needs of `bytes`: their credit may be returned at once. */
  push(bytes: Uint8Array): void {
    if (this.#over) return;
    try {
      this.#assembler.push(bytes);
    } catch (error) {
      this.#fail(toMeshError(error));
    }
  }

  end(): void {
    this.#after(() => {
      if (this.#over) return;
      if (this.#assembler.midMessage) {
        this.#fail(new MeshError('invalid-argument', 'the stream ended within a message'));
        return;
      }
      this.#over = true;
      this.#sink.onInboundEnd();
    });
  }

  /** Nobody listens any more. */
  stop(): void {
    this.#over = true;
  }

  #assembled(bytes: Uint8Array, compressed: boolean): void {
    if (!compressed) {
      this.#after(() => this.#deliver(bytes));
      return;
    }
    const limits = { outputBytesMax: this.#messageBytesMax, ratioMax: INFLATE_RATIO_MAX };
    const inflated = inflateMessage(this.#encoding, bytes, limits);
    if (inflated instanceof Promise) this.#wait(inflated);
    else this.#after(() => this.#deliver(inflated));
  }

  #deliver(bytes: Uint8Array): void {
    if (!this.#over) this.#sink.onMessage(bytes);
  }

  #fail(error: MeshError): void {
    if (this.#over) return;
    this.#over = true;
    this.#sink.onInboundError(error);
  }

  #after(step: () => void): void {
    if (this.#tail === undefined) step();
    else this.#chain(this.#tail.then(step));
  }

  #wait(inflated: Promise<Uint8Array>): void {
    const before = this.#tail ?? Promise.resolve();
    // Both are awaited together, so that a failure that comes early is not an unhandled rejection.
    this.#chain(Promise.all([inflated, before]).then(([bytes]) => this.#deliver(bytes)));
  }

  #chain(step: Promise<void>): void {
    const tail: Promise<void> = step
      .catch((error: unknown) => this.#fail(toMeshError(error)))
      .finally(() => {
        if (this.#tail === tail) this.#tail = undefined;
      });
    this.#tail = tail;
  }
}
