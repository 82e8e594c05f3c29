import { MeshError, toMeshError } from '@modelmesh/core';
import { trailersOfError } from '../call/index.ts';
import { FrameScanner } from '../framing/index.ts';
import {
  type AcceptStream,
  type ByteStream,
  type HeaderBlock,
  headerBlock,
  RESET_CODE,
  type ResetCause,
  SILENT,
  type StreamHandler,
} from '../stream/index.ts';
import { Base64Decoder } from './base64-decoder.ts';
import { Base64Encoder } from './base64-encoder.ts';
import { trailerFrame } from './trailer-frame.ts';
import {
  answerFormatOf,
  grpcHeadersOf,
  readWebContentType,
  type WebContentType,
  webContentType,
  webHeadersOf,
} from './web-format.ts';

/** Messages that one request of gRPC-Web holds: browsers send a body and then read, so that there is no stream of requests. */
export const WEB_REQUEST_MESSAGES_MAX = 1;

const ONE_MESSAGE =
  'gRPC-Web carries one message in a request: client streaming and bidirectional streaming need gRPC over HTTP/2, which browsers cannot speak';

/**
 * One call in gRPC-Web, translated: to what carries it the handler of a request, to the handler of gRPC a stream of gRPC. Holds no messages:
 * in binary form bytes pass as the slices that they came in.
 */
class WebStream implements ByteStream, StreamHandler {
  owner: unknown = undefined;
  readonly #below: ByteStream;
  readonly #suffix: string;
  readonly #scanner: FrameScanner;
  readonly #decoder: Base64Decoder | undefined;
  readonly #encoder: Base64Encoder | undefined;
  #handler: StreamHandler = SILENT;
  #requestEnded: boolean;
  #headersSent = false;
  #answered = false;
  /** The call was ended here, and its handler has heard so. */
  #refused = false;
  #messages = 0;
  /** Bytes below, and what they were above: taken, delivered, and given back on either side. */
  #receivedBytes = 0;
  #deliveredBytes = 0;
  #consumedBytes = 0;
  #creditedBytes = 0;

  constructor(below: ByteStream, headers: HeaderBlock, type: WebContentType, requestEnded: boolean) {
    this.#below = below;
    this.#suffix = type.suffix;
    this.#requestEnded = requestEnded;
    this.#decoder = type.format === 'text' ? new Base64Decoder() : undefined;
    this.#encoder = answerFormatOf(headers.get('accept'), type.format) === 'text' ? new Base64Encoder() : undefined;
    // What a message may weigh is for the call to say.
    this.#scanner = new FrameScanner(Number.POSITIVE_INFINITY, {
      onMessageStart: () => this.#countMessage(),
      onMessageBytes: () => undefined,
      onMessageEnd: () => undefined,
    });
  }

  /** Hands the call on. */
  begin(handler: StreamHandler): void {
    this.#handler = handler;
  }

  // What comes from below.

  onHeaders(): void {}

  onData(below: ByteStream, bytes: Uint8Array, end: boolean): void {
    if (end) this.#requestEnded = true;
    if (this.#refused) {
      below.consume(bytes.byteLength);
      return;
    }
    this.#receivedBytes += bytes.byteLength;
    let message: Uint8Array;
    try {
      message = this.#decoder === undefined ? bytes : this.#decoder.push(bytes);
      if (end) this.#decoder?.end();
      this.#scanner.push(message);
    } catch (error) {
      this.#refuse(toMeshError(error));
      return;
    }
    this.#deliveredBytes += message.byteLength;
    if (message.byteLength > 0 || end) this.#handler.onData(this, message, end);
    else this.#giveCredit();
  }

  onTrailers(_below: ByteStream, trailers: HeaderBlock): void {
    this.#requestEnded = true;
    if (!this.#refused) this.#handler.onTrailers(this, trailers);
  }

  onReset(_below: ByteStream, cause: ResetCause): void {
    if (!this.#refused) this.#handler.onReset(this, cause);
  }

  onWritable(): void {
    if (!this.#refused) this.#handler.onWritable(this);
  }

  onClosed(): void {
    if (!this.#refused) this.#handler.onClosed(this);
  }

  // What the call says.

  sendHeaders(headers: HeaderBlock, end: boolean): void {
    if (this.#refused) return;
    this.#headersSent = true;
    if (end) this.#answered = true;
    this.#below.sendHeaders(webHeadersOf(headers, this.#contentType), end);
  }

  sendData(bytes: Uint8Array, end: boolean): boolean {
    if (this.#refused) return true;
    if (end) this.#answered = true;
    const written = this.#encoder === undefined ? bytes : this.#encoder.push(bytes);
    return (written.byteLength === 0 && !end) || this.#below.sendData(written, end);
  }

  sendTrailers(trailers: HeaderBlock): void {
    if (this.#refused) return;
    this.#answered = true;
    const frame = trailerFrame(trailers);
    this.#below.sendData(this.#encoder === undefined ? frame : this.#encoder.push(frame), true);
  }

  reset(code: number): void {
    if (!this.#refused) this.#below.reset(code);
  }

  consume(byteCount: number): void {
    if (this.#refused) return;
    this.#consumedBytes += byteCount;
    this.#giveCredit();
  }

  get #contentType(): string {
    return webContentType(this.#encoder === undefined ? 'binary' : 'text', this.#suffix);
  }

  /** Text is longer than what it says: all that was received is given back with the last of what was delivered. */
  #giveCredit(): void {
    const owed = this.#deliveredBytes - this.#consumedBytes;
    const due = this.#receivedBytes - this.#creditedBytes - owed;
    if (due <= 0) return;
    this.#creditedBytes += due;
    this.#below.consume(due);
  }

  #countMessage(): void {
    this.#messages += 1;
    if (this.#messages > WEB_REQUEST_MESSAGES_MAX) throw new MeshError('unsupported-method', ONE_MESSAGE);
  }

  /** Ends a call whose request cannot be translated, on both sides. An answer that has begun breaks off: a message of it may be under way. */
  #refuse(error: MeshError): void {
    this.#refused = true;
    this.#handler.onReset(this, { kind: 'protocol-error', message: error.message });
    const below = this.#below;
    below.consume(this.#receivedBytes - this.#creditedBytes);
    if (this.#headersSent && !this.#answered) {
      below.reset(RESET_CODE.protocolError);
      return;
    }
    if (!this.#answered) {
      const fields = [':status', '200', 'content-type', this.#contentType, ...trailersOfError(error)];
      below.sendHeaders(headerBlock(fields), true);
    }
    if (!this.#requestEnded) below.reset(RESET_CODE.noError);
  }
}

/**
 * Takes calls in gRPC-Web besides those in gRPC: `accept` hears of both as gRPC, of everything else as it came. What a call says goes back in the
 * words of its client, trailers as the last frame of the body, or with the headers where there is no body.
 */
export function acceptGrpcWeb(accept: AcceptStream): AcceptStream {
  return (stream, headers, end, connection) => {
    const type = readWebContentType(headers.get('content-type'));
    if (type === undefined || headers.get(':method') !== 'POST') return accept(stream, headers, end, connection);
    const call = new WebStream(stream, headers, type, end);
    call.begin(accept(call, grpcHeadersOf(headers, type), end, connection));
    return call;
  };
}
