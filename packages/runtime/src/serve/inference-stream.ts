import { MeshError, type MonotonicMs, toMeshError } from '@modelmesh/core';
import { GrpcStatusError, trailersOfError } from '@modelmesh/grpc/call';
import { ACCEPTED_ENCODINGS, INFLATE_RATIO_MAX, inflateMessage, type MessageEncoding } from '@modelmesh/grpc/compression';
import { frameMessage, MessageAssembler } from '@modelmesh/grpc/framing';
import { type ByteStream, type HeaderBlock, headerBlock, RESET_CODE, type StreamHandler } from '@modelmesh/grpc/stream';
import type { Expirable, TimerWheel, WheelTimer } from '@modelmesh/grpc/timer-wheel';
import type { GrpcCode } from '@modelmesh/wire/status';
import type { QuietRest } from '../memory/index.ts';
import type { CallHandler, InferenceCall } from '../servers/index.ts';

const RESPONSE_FIELDS = [':status', '200', 'content-type', 'application/grpc', 'grpc-accept-encoding', ACCEPTED_ENCODINGS];
const RESPONSE_HEADERS = headerBlock(RESPONSE_FIELDS);
const OK_TRAILERS = headerBlock(['grpc-status', '0']);

/** What stands fixed when a call begins. */
export interface InferenceStreamSetup {
  readonly encoding: MessageEncoding;
  readonly messageBytesMax: number;
  readonly deadline: MonotonicMs | undefined;
  readonly timers: TimerWheel;
  /** Hears of the call's begin and end. */
  readonly quiet: Pick<QuietRest, 'begin' | 'end'>;
  /** Hears of faults of ours before their text is hidden from the caller. */
  readonly onFault: (error: unknown, what: string) => void;
}

/**
 * One inference call on its stream: messages in whole, answers out as they come, no promise unless a message is compressed. While the socket takes
 * no more answers, no credit is given for requests, so a caller that does not read cannot make a server send without bound.
 */
export class InferenceStream implements StreamHandler, InferenceCall, Expirable {
  readonly path: string;
  readonly headers: HeaderBlock;
  readonly #stream: ByteStream;
  readonly #setup: InferenceStreamSetup;
  readonly #assembler: MessageAssembler;
  #handler: CallHandler | undefined;
  #timer: WheelTimer | undefined;
  #hasBegun = false;
  #headersSent = false;
  #isOver = false;
  #requestEnded = false;
  #isBlocked = false;
  #owedBytes = 0;
  /** Messages being inflated, in order; the end of the request waits for them. */
  #inflating: Promise<void> | undefined;

  constructor(stream: ByteStream, headers: HeaderBlock, setup: InferenceStreamSetup) {
    this.path = headers.get(':path') ?? '';
    this.headers = headers;
    this.#stream = stream;
    this.#setup = setup;
    this.#assembler = new MessageAssembler(setup.messageBytesMax, (bytes, compressed) => this.#message(bytes, compressed));
  }

  /** Begins with the handler that will answer. `requestEnded`: no message comes. */
  begin(handler: CallHandler, requestEnded: boolean): void {
    this.#handler = handler;
    const { deadline, timers, quiet } = this.#setup;
    if (!this.#isOver) {
      this.#hasBegun = true;
      quiet.begin();
      if (deadline !== undefined) this.#timer = timers.add(deadline, this);
    }
    if (requestEnded) this.#endRequest();
  }

  send(message: readonly Uint8Array[]): void {
    if (this.#isOver) return;
    this.#openResponse();
    for (const piece of frameMessage(message)) if (!this.#stream.sendData(piece, false)) this.#isBlocked = true;
  }

  finish(trailers: readonly string[] = []): void {
    if (this.#isOver) return;
    this.#openResponse();
    this.#stream.sendTrailers(trailers.length === 0 ? OK_TRAILERS : headerBlock(['grpc-status', '0', ...trailers]));
    this.#end();
  }

  fail(error: MeshError): void {
    if (this.#isOver) return;
    const fields = trailersOfError(error);
    if (this.#headersSent) this.#stream.sendTrailers(headerBlock(fields));
    else this.#stream.sendHeaders(headerBlock([...RESPONSE_FIELDS, ...fields]), true);
    this.#end();
  }

  failWithStatus(grpcCode: number, message: string, trailers: readonly string[] = []): void {
    this.fail(new GrpcStatusError(grpcCode as GrpcCode, message, { trailers: headerBlock(trailers) }));
  }

  onHeaders(): void {}

  onTrailers(): void {
    this.#endRequest();
  }

  onData(_stream: ByteStream, bytes: Uint8Array, end: boolean): void {
    if (bytes.byteLength > 0) this.#receive(bytes);
    if (end) this.#endRequest();
  }

  onWritable(): void {
    this.#isBlocked = false;
    this.#payCredit();
  }

  onReset(): void {
    if (this.#isOver) return;
    this.#leave();
    this.#handler?.onCancel();
  }

  onClosed(): void {
    this.#requestEnded = true;
  }

  /** The deadline has passed. */
  expired(): void {
    this.#breakOff(new MeshError('deadline-exceeded', 'the deadline passed before the answer was complete'));
  }

  #receive(bytes: Uint8Array): void {
    this.#owedBytes += bytes.byteLength;
    if (!this.#isOver) {
      try {
        this.#assembler.push(bytes);
      } catch (error) {
        this.#breakOff(error);
      }
    }
    if (!this.#isBlocked || this.#isOver) this.#payCredit();
  }

  #message(bytes: Uint8Array, compressed: boolean): void {
    if (!compressed && this.#inflating === undefined) {
      this.#deliver(bytes);
      return;
    }
    const { encoding, messageBytesMax } = this.#setup;
    const limits = { outputBytesMax: messageBytesMax, ratioMax: INFLATE_RATIO_MAX };
    const before = this.#inflating ?? Promise.resolve();
    const inflated = compressed ? Promise.resolve(inflateMessage(encoding, bytes, limits)) : Promise.resolve(bytes);
    const step: Promise<void> = Promise.all([inflated, before])
      .then(([whole]) => this.#deliver(whole))
      .catch((error: unknown) => this.#breakOff(error))
      .finally(() => {
        if (this.#inflating === step) this.#inflating = undefined;
      });
    this.#inflating = step;
  }

  #endRequest(): void {
    if (this.#requestEnded) return;
    this.#requestEnded = true;
    if (this.#inflating !== undefined) void this.#inflating.then(() => this.#requestIsWhole());
    else this.#requestIsWhole();
  }

  #requestIsWhole(): void {
    if (this.#isOver) return;
    if (this.#assembler.midMessage) {
      this.#breakOff(new MeshError('invalid-argument', 'the stream ended within a message'));
      return;
    }
    try {
      this.#handler?.onEnd();
    } catch (error) {
      this.#breakOff(error);
    }
  }

  #deliver(message: Uint8Array): void {
    if (this.#isOver) return;
    try {
      this.#handler?.onMessage([message], message.byteLength);
    } catch (error) {
      this.#breakOff(error);
    }
  }

  /** Ends the call for both sides: its handler works for nobody any more. */
  #breakOff(thrown: unknown): void {
    if (this.#isOver) return;
    this.#handler?.onCancel();
    const error = toMeshError(thrown);
    if (error.kind === 'internal') this.#setup.onFault(error.cause ?? error, this.path);
    this.fail(error);
  }

  #openResponse(): void {
    if (this.#headersSent) return;
    this.#headersSent = true;
    this.#stream.sendHeaders(RESPONSE_HEADERS, false);
  }

  #end(): void {
    this.#leave();
    this.#payCredit();
    if (!this.#requestEnded) this.#stream.reset(RESET_CODE.noError);
  }

  #leave(): void {
    this.#isOver = true;
    const { timers, quiet } = this.#setup;
    if (this.#timer !== undefined) timers.cancel(this.#timer);
    if (this.#hasBegun) quiet.end();
  }

  #payCredit(): void {
    const owed = this.#owedBytes;
    this.#owedBytes = 0;
    if (owed > 0) this.#stream.consume(owed);
  }
}
