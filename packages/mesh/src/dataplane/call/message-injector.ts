import { MeshError, type ModelKey, toMeshError } from '@modelmesh/core';
import { inflateMessage, type MessageEncoding } from '@modelmesh/grpc/compression';
import { FRAME_PREFIX_BYTES, type FramedMessage, frameMessage, joinSlices, MessageReader } from '@modelmesh/grpc/framing';
import { type FieldPath, fieldPath, inject } from '@modelmesh/wire/splice';
import type { RewriteRoom, RoomHolder } from './rewrite-room.ts';

/** Where rewritten messages go. */
export interface InjectionSink {
  onInjected(framed: Uint8Array): void;
  /** A message that was being inflated is done, or there is room again: more may be pushed. */
  onInjectorIdle(): void;
  onInjectionFailed(error: MeshError): void;
}

/** How compressed messages are opened. */
export interface InjectionOptions {
  readonly model: ModelKey;
  readonly encoding: MessageEncoding;
  readonly messageBytesMax: number;
  readonly inflateRatioMax: number;
  /** Where messages are held until they are rewritten and sent. */
  readonly room: RewriteRoom;
}

/**
 * Writes the model's key into every message of a request, as the runtime asked for. A message is held until it is complete, since its length
 * stands in front; a compressed one goes on uncompressed.
 */
export class MessageInjector implements RoomHolder {
  readonly #path: FieldPath;
  readonly #options: InjectionOptions;
  readonly #sink: InjectionSink;
  readonly #reader: MessageReader;
  readonly #waiting: FramedMessage[] = [];
  #heldBytes = 0;
  #busy = false;
  #over = false;

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

  /** Whether there is room for so many bytes more; if so they must be pushed, otherwise `onInjectorIdle` comes. */
  mayPush(byteCount: number): boolean {
    return this.#options.room.take(this, byteCount);
  }

  /** More of the request. Complete messages come out of the sink within this call, unless they have to be inflated elsewhere. */
  push(bytes: Uint8Array): void {
    if (this.#over) return;
    try {
      // What waits for more outlives its credit, and with it the bytes themselves.
      const outlives = this.#heldBytes > 0 || !isOneMessage(bytes);
      this.#heldBytes += bytes.length;
      this.#reader.push(outlives ? Uint8Array.from(bytes) : bytes);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The attempt is over: nothing comes out of the sink any more, and what was held is given back. */
  abandon(): void {
    this.#over = true;
    this.#options.room.leave(this);
    this.#waiting.length = 0;
  }

  #take(message: FramedMessage): void {
    if (this.#busy) {
      this.#waiting.push(message);
      return;
    }
    if (!message.compressed) {
      this.#emit(message.slices, message.byteLength);
      return;
    }
    const { encoding, messageBytesMax, inflateRatioMax } = this.#options;
    const inflated = inflateMessage(encoding, joinSlices(message), {
      outputBytesMax: messageBytesMax,
      ratioMax: inflateRatioMax,
    });
    if (inflated instanceof Uint8Array) this.#emit([inflated], message.byteLength);
    else this.#wait(inflated, message.byteLength);
  }

  #wait(inflated: Promise<Uint8Array>, byteLength: number): void {
    this.#busy = true;
    inflated.then(
      (bytes) => this.#inflated(bytes, byteLength),
      (error: unknown) => this.#fail(error),
    );
  }

  #inflated(bytes: Uint8Array, byteLength: number): void {
    if (this.#over) return;
    this.#busy = false;
    try {
      this.#emit([bytes], byteLength);
      while (!this.#busy) {
        const next = this.#waiting.shift();
        if (next === undefined) break;
        this.#take(next);
      }
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (!this.#busy) this.#sink.onInjectorIdle();
  }

  /** `byteLength`: of the message as it was held. */
  #emit(slices: readonly Uint8Array[], byteLength: number): void {
    const pieces = frameMessage(inject(slices, { path: this.#path, value: this.#options.model }));
    const [before, after] = [FRAME_PREFIX_BYTES + byteLength, pieces.reduce((sum, { length }) => sum + length, 0)];
    if (!this.#options.room.resize(this, before, after)) throw new MeshError('overloaded', TOO_LARGE_INFLATED);
    this.#heldBytes -= before;
    for (const framed of pieces) this.#sink.onInjected(framed);
  }

  #fail(error: unknown): void {
    if (!this.#over) this.#sink.onInjectionFailed(toMeshError(error));
  }

  onRoom(): void {
    if (!this.#over) this.#sink.onInjectorIdle();
  }

  /** So many rewritten bytes were sent. */
  sent(byteCount: number): void {
    this.#options.room.give(this, byteCount);
  }
}

/** Whether `bytes` are one whole message: the usual case, in which nothing has to be held. */
function isOneMessage(bytes: Uint8Array): boolean {
  if (bytes.length < FRAME_PREFIX_BYTES) return false;
  let byteLength = 0;
  for (let at = 1; at < FRAME_PREFIX_BYTES; at++) byteLength = byteLength * 256 + (bytes[at] ?? 0);
  return bytes.length === FRAME_PREFIX_BYTES + byteLength;
}

const TOO_LARGE_INFLATED = 'this node has no room for the message that was compressed; try again later';

/** The injector that a method needs; `undefined` where the runtime did not ask for one. */
export function injectionFor(
  path: readonly number[] | undefined,
  options: InjectionOptions,
  sink: InjectionSink,
): MessageInjector | undefined {
  if (path === undefined || path.length === 0) return undefined;
  return new MessageInjector(fieldPath(path), options, sink);
}
