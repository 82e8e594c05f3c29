import { type Clock, durationMs, MeshError, type MonotonicMs, toMeshError } from '@modelmesh/core';
import { formatGrpcTimeout } from '@modelmesh/wire/headers';
import { ACCEPTED_ENCODINGS, deflateMessage, type MessageEncoding, parseEncoding } from '../compression/index.ts';
import { frameMessage, joinSlices } from '../framing/index.ts';
import {
  type ByteStream,
  type ClientConnection,
  type HeaderBlock,
  headerBlock,
  RESET_CODE,
  type ResetCause,
  type StreamHandler,
} from '../stream/index.ts';
import type { Expirable, TimerWheel, WheelTimer } from '../timer-wheel/index.ts';
import { isGrpcContentType } from './content-type.ts';
import { Inbound, type InboundSink } from './inbound.ts';
import { Outbound, pump } from './outbound.ts';
import { errorOfReset, errorOfTrailers } from './status-error.ts';

const NO_BYTES = new Uint8Array(0);

/** Hears of the responses of one call and of its one end. Never called before the call was made. */
export interface ResponseSink {
  /** @throws {MeshError} to end the call with it. */
  onMessage(bytes: Uint8Array): void;
  /** The call is over: well, or with an error. */
  onDone(error: MeshError | undefined): void;
  /** Responses wait for their reader: further credit is held back. */
  readonly holdsMessages: boolean;
}

/** What all calls of a client share. */
export interface ClientCallDefaults {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly authority: string;
  readonly scheme?: 'http' | 'https';
  readonly messageBytesMax: number;
  readonly userAgent?: string;
  readonly requestEncoding?: MessageEncoding;
}

/** What one call asks for. */
export interface ClientCallWish {
  readonly deadline?: MonotonicMs;
  readonly headers?: readonly string[];
  readonly onHeaders?: (headers: HeaderBlock) => void;
  readonly onTrailers?: (trailers: HeaderBlock) => void;
  readonly signal?: AbortSignal;
}

/** One call on the client's side, from its request headers to the one end that its sink hears of. */
export class ClientCall implements StreamHandler, InboundSink, Expirable {
  readonly #sink: ResponseSink;
  readonly #defaults: ClientCallDefaults;
  readonly #wish: ClientCallWish;
  readonly #encoding: MessageEncoding;
  #stream: ByteStream | undefined = undefined;
  #outbound: Outbound | undefined = undefined;
  #inbound: Inbound | undefined = undefined;
  #timer: WheelTimer | undefined = undefined;
  #httpStatus: string | undefined = undefined;
  /** The block that ended the response; judged when the messages before it were delivered. */
  #ending: { readonly trailers: HeaderBlock | undefined } | undefined = undefined;
  #requestEnded = false;
  #over = false;
  #owedBytes = 0;
  readonly #aborted = (): void => this.cancel();

  constructor(
    connection: ClientConnection,
    path: string,
    defaults: ClientCallDefaults,
    wish: ClientCallWish,
    sink: ResponseSink,
  ) {
    this.#sink = sink;
    this.#defaults = defaults;
    this.#wish = wish;
    this.#encoding = defaults.requestEncoding ?? 'identity';
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      this.#over = true;
      queueMicrotask(() => sink.onDone(refusal));
      return;
    }
    try {
      this.#stream = connection.open(this.#requestHeaders(path), false, this);
    } catch (error) {
      this.#over = true;
      queueMicrotask(() => sink.onDone(toMeshError(error)));
      return;
    }
    this.#outbound = new Outbound(this.#stream, this.#encoding);
    if (wish.deadline !== undefined) this.#timer = defaults.timers.add(wish.deadline, this);
    wish.signal?.addEventListener('abort', this.#aborted, { once: true });
  }

  /** Sends the one message of the request and ends it. */
  sendOnly(slices: readonly Uint8Array[]): void {
    if (this.#over) return;
    if (this.#outbound?.compresses(slices) === true) {
      void this.#sendCompressed(slices);
      return;
    }
    this.#sendLast(slices, false);
  }

  /** Sends all messages of the request as they come and as there is room, then ends it. */
  sendAll<Init>(messages: AsyncIterable<Init>, encode: (message: Init) => readonly Uint8Array[]): void {
    const outbound = this.#outbound;
    if (outbound === undefined) return;
    pump(messages, encode, outbound, () => this.#over).then(
      () => this.#endRequest(),
      (error: unknown) => this.#end(toMeshError(error)),
    );
  }

  /** The caller wants no more. */
  cancel(): void {
    this.#end(new MeshError('cancelled', 'the call was cancelled by its caller'));
  }

  /** The deadline has passed. */
  expired(): void {
    this.#end(new MeshError('deadline-exceeded', 'the deadline passed before the answer was complete'));
  }

  /** Returns the credit of bytes that were held back while responses waited. */
  payCredit(): void {
    const owed = this.#owedBytes;
    this.#owedBytes = 0;
    if (owed > 0) this.#stream?.consume(owed);
  }

  onHeaders(_stream: ByteStream, headers: HeaderBlock, end: boolean): void {
    if (this.#over) return;
    this.#httpStatus = headers.get(':status');
    this.#wish.onHeaders?.(headers);
    if (end) {
      this.#responseEnded(headers);
      return;
    }
    if (!isGrpcContentType(headers.get('content-type'))) {
      this.#end(errorOfTrailers(headers, this.#httpStatus) ?? new MeshError('internal', 'the answer is no gRPC'));
      return;
    }
    try {
      const encoding = parseEncoding(headers.get('grpc-encoding'));
      this.#inbound = new Inbound(encoding, this.#defaults.messageBytesMax, this);
    } catch (error) {
      this.#end(toMeshError(error));
    }
  }

  onData(_stream: ByteStream, bytes: Uint8Array, end: boolean): void {
    if (this.#over) return;
    if (bytes.byteLength > 0) {
      this.#inbound?.push(bytes);
      this.#owedBytes += bytes.byteLength;
      if (!(this.#sink.holdsMessages || this.#inbound?.busy === true)) this.payCredit();
    }
    if (end) this.#responseEnded(undefined);
  }

  onTrailers(_stream: ByteStream, trailers: HeaderBlock): void {
    if (!this.#over) this.#responseEnded(trailers);
  }

  onReset(_stream: ByteStream, cause: ResetCause): void {
    // After the response ended, a reset only says that the rest of the request is not wanted.
    if (this.#ending === undefined) this.#end(errorOfReset(cause));
  }

  onWritable(): void {
    this.#outbound?.onWritable();
  }

  onClosed(): void {}

  onMessage(bytes: Uint8Array): void {
    try {
      this.#sink.onMessage(bytes);
    } catch (error) {
      this.#end(toMeshError(error));
      return;
    }
    if (!this.#sink.holdsMessages) this.payCredit();
  }

  onInboundEnd(): void {
    const trailers = this.#ending?.trailers;
    if (trailers !== undefined) this.#wish.onTrailers?.(trailers);
    this.#end(errorOfTrailers(trailers ?? headerBlock([]), this.#httpStatus));
  }

  onInboundError(error: MeshError): void {
    this.#end(error);
  }

  #responseEnded(trailers: HeaderBlock | undefined): void {
    this.#ending = { trailers };
    if (this.#inbound === undefined) this.onInboundEnd();
    else this.#inbound.end();
  }

  #refusal(): MeshError | undefined {
    const { deadline, signal } = this.#wish;
    if (signal?.aborted === true) return new MeshError('cancelled', 'the call was cancelled before it began');
    if (deadline !== undefined && deadline <= this.#defaults.clock.monotonicMs()) {
      return new MeshError('deadline-exceeded', 'the deadline had passed before the call began');
    }
    return undefined;
  }

  #requestHeaders(path: string): HeaderBlock {
    const { authority, scheme = 'http', userAgent = 'model-mesh', clock } = this.#defaults;
    const fields = [':method', 'POST', ':scheme', scheme, ':path', path, ':authority', authority];
    const { deadline, headers } = this.#wish;
    if (deadline !== undefined) fields.push('grpc-timeout', formatGrpcTimeout(durationMs(deadline - clock.monotonicMs())));
    fields.push('te', 'trailers', 'content-type', 'application/grpc', 'user-agent', userAgent);
    fields.push('grpc-accept-encoding', ACCEPTED_ENCODINGS);
    if (this.#encoding !== 'identity') fields.push('grpc-encoding', this.#encoding);
    if (headers !== undefined) fields.push(...headers);
    return headerBlock(fields);
  }

  async #sendCompressed(slices: readonly Uint8Array[]): Promise<void> {
    try {
      const byteLength = slices.reduce((sum, slice) => sum + slice.byteLength, 0);
      this.#sendLast([await deflateMessage(this.#encoding, joinSlices({ slices, byteLength }))], true);
    } catch (error) {
      this.#end(toMeshError(error));
    }
  }

  #sendLast(slices: readonly Uint8Array[], compressed: boolean): void {
    if (this.#over) return;
    const pieces = frameMessage(slices, compressed);
    this.#requestEnded = true;
    for (let at = 0; at < pieces.length; at += 1) this.#stream?.sendData(pieces[at] ?? NO_BYTES, at === pieces.length - 1);
  }

  #endRequest(): void {
    if (this.#over || this.#requestEnded) return;
    this.#requestEnded = true;
    this.#stream?.sendData(NO_BYTES, true);
  }

  #end(error: MeshError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#timer !== undefined) this.#defaults.timers.cancel(this.#timer);
    this.#wish.signal?.removeEventListener('abort', this.#aborted);
    this.#inbound?.stop();
    this.#outbound?.stop();
    this.payCredit();
    if (this.#ending === undefined || !this.#requestEnded) this.#stream?.reset(RESET_CODE.cancel);
    this.#sink.onDone(error);
  }
}
