import { type MeshError, type ModelKey, toMeshError } from '@modelmesh/core';
import { inflateMessage, type MessageEncoding } from '@modelmesh/grpc/compression';
import { type FramedMessage, frameMessage, joinSlices, MessageReader } from '@modelmesh/grpc/framing';
import { type FieldPath, fieldPath, inject } from '@modelmesh/wire/splice';

/** Where rewritten messages go. */
export interface InjectionSink {
  onInjected(framed: Uint8Array): void;
  /** A message that was being inflated is done: more may be pushed. */
  onInjectorIdle(): void;
  onInjectionFailed(error: MeshError): void;
}

/** How compressed messages are opened. */
export interface InjectionOptions {
  readonly model: ModelKey;
  readonly encoding: MessageEncoding;
  readonly messageBytesMax: number;
  readonly inflateRatioMax: number;
}

/**
 * Writes the model's key into every message of a request, as the runtime asked for. A message is held until it is complete, since its length
 * stands in front; a compressed one goes on uncompressed.
 */
export class MessageInjector {
  readonly #path: FieldPath;
  readonly #options: InjectionOptions;
  readonly #sink: InjectionSink;
  readonly #reader: MessageReader;
  readonly #waiting: FramedMessage[] = [];
  #busy = false;

  constructor(path: FieldPath, options: InjectionOptions, sink: InjectionSink) {
    this.#path = path;
    this.#options = options;
    this.#sink = sink;
    this.#reader = new MessageReader(options.messageBytesMax, (message) => this.#take(message));
  }

  /** Whether a message is being inflated: push no more until `onInjectorIdle`. */
  get busy(): boolean {
    return this.#busy;
  }

  /** More of the request. Complete messages come out of the sink within this call, unless they have to be inflated elsewhere. */
  push(bytes: Uint8Array): void {
    try {
      this.#reader.push(bytes);
    } catch (error) {
      this.#sink.onInjectionFailed(toMeshError(error));
    }
  }

  #take(message: FramedMessage): void {
    if (this.#busy) {
      this.#waiting.push(message);
      return;
    }
    if (!message.compressed) {
      this.#emit(message.slices);
      return;
    }
    const { encoding, messageBytesMax, inflateRatioMax } = this.#options;
    const inflated = inflateMessage(encoding, joinSlices(message), {
      outputBytesMax: messageBytesMax,
      ratioMax: inflateRatioMax,
    });
    if (inflated instanceof Uint8Array) this.#emit([inflated]);
    else this.#wait(inflated);
  }

  #wait(inflated: Promise<Uint8Array>): void {
    this.#busy = true;
    inflated.then(
      (bytes) => {
        this.#busy = false;
        try {
          this.#emit([bytes]);
          while (!this.#busy) {
            const next = this.#waiting.shift();
            if (next === undefined) break;
            this.#take(next);
          }
        } catch (error) {
          this.#sink.onInjectionFailed(toMeshError(error));
          return;
        }
        if (!this.#busy) this.#sink.onInjectorIdle();
      },
      (error: unknown) => this.#sink.onInjectionFailed(toMeshError(error)),
    );
  }

  #emit(slices: readonly Uint8Array[]): void {
    for (const framed of frameMessage(inject(slices, { path: this.#path, value: this.#options.model })))
      this.#sink.onInjected(framed);
  }
}

/** The injector that a method needs; `undefined` where the runtime did not ask for one. */
export function injectionFor(
  path: readonly number[] | undefined,
  options: InjectionOptions,
  sink: InjectionSink,
): MessageInjector | undefined {
  if (path === undefined || path.length === 0) return undefined;
  return new MessageInjector(fieldPath(path), options, sink);
}
