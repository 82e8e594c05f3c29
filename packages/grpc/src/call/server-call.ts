import { assert, MeshError, type MonotonicMs, toMeshError } from '@modelmesh/core';
import { ACCEPTED_ENCODINGS, type MessageEncoding } from '../compression/index.ts';
import {
  type ByteStream,
  type ConnectionInfo,
  type HeaderBlock,
  headerBlock,
  RESET_CODE,
  type StreamHandler,
} from '../stream/index.ts';
import type { Expirable, TimerWheel, WheelTimer } from '../timer-wheel/index.ts';
import type { CallContext } from './context.ts';
import { Inbound, type InboundSink } from './inbound.ts';
import { addMetadata } from './metadata.ts';
import { Outbound } from './outbound.ts';
import { errorOfReset, trailersOfError } from './status-error.ts';

const RESPONSE_FIELDS = [':status', '200', 'content-type', 'application/grpc', 'grpc-accept-encoding', ACCEPTED_ENCODINGS];
const RESPONSE_HEADERS = headerBlock(RESPONSE_FIELDS);
const OK_TRAILERS = headerBlock(['grpc-status', '0']);

/** What stands fixed when a call begins. */
export interface CallSetup {
  readonly path: string;
  readonly headers: HeaderBlock;
  readonly peer: ConnectionInfo;
  readonly principal: unknown;
  readonly deadline: MonotonicMs | undefined;
  readonly requestEncoding: MessageEncoding;
  readonly responseEncoding: MessageEncoding;
  readonly messageBytesMax: number;
  readonly timers: TimerWheel;
  /** Hears of every error that is a fault of ours, before its text is hidden from the caller. */
  readonly onFault: (error: unknown, path: string) => void;
}

/**
 * One call on the server's side from its headers to its trailers: the common part of the four kinds. States: open → answered (trailers
 * sent) or gone (reset, deadline); what comes later from the handler is dropped.
 */
export abstract class ServerCall implements StreamHandler, CallContext, InboundSink, Expirable {
  protected readonly stream: ByteStream;
  protected readonly outbound: Outbound;
  readonly #setup: CallSetup;
  readonly #inbound: Inbound;
  #timer: WheelTimer | undefined = undefined;
  #abort: AbortController | undefined = undefined;
  #gone: MeshError | undefined = undefined;
  #headerFields: string[] | undefined = undefined;
  #trailerFields: string[] | undefined = undefined;
  #headersSent = false;
  #over = false;
  #requestEnded = false;
  #owedBytes = 0;

  constructor(stream: ByteStream, setup: CallSetup) {
    this.stream = stream;
    this.#setup = setup;
    this.outbound = new Outbound(stream, setup.responseEncoding);
    this.#inbound = new Inbound(setup.requestEncoding, setup.messageBytesMax, this);
    if (setup.deadline !== undefined) this.#timer = setup.timers.add(setup.deadline, this);
  }

  get path(): string {
    return this.#setup.path;
  }
  get headers(): HeaderBlock {
    return this.#setup.headers;
  }
  get peer(): ConnectionInfo {
    return this.#setup.peer;
  }
  get principal(): unknown {
    return this.#setup.principal;
  }
  get deadline(): MonotonicMs | undefined {
    return this.#setup.deadline;
  }
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#gone !== undefined) this.#abort.abort(this.#gone);
    }
    return this.#abort.signal;
  }
  /** The answer was given or nobody waits for it. */
  get isOver(): boolean {
    return this.#over;
  }

  setHeader(name: string, value: string | Uint8Array): void {
    assert(!this.#headersSent, `header ${name} came after the first response message`);
    this.#headerFields ??= [];
    addMetadata(this.#headerFields, name, value);
  }

  setTrailer(name: string, value: string | Uint8Array): void {
    this.#trailerFields ??= [];
    addMetadata(this.#trailerFields, name, value);
  }

  /** Called once, right after the router knows the stream's first block. */
  begin(requestEnded: boolean): void {
    if (requestEnded) this.#endRequest();
  }

  abstract onMessage(bytes: Uint8Array): void;
  abstract onInboundEnd(): void;
  /** Someone reads the requests one by one and has not taken all. */
  protected abstract get holdsMessages(): boolean;
  /** The call ended before its time: readers of requests must hear it. */
  protected abstract stopReading(error: MeshError): void;

  onInboundError(error: MeshError): void {
    this.fail(error);
  }

  onHeaders(): void {}
  onTrailers(): void {
    this.#endRequest();
  }
  onData(stream: ByteStream, bytes: Uint8Array, end: boolean): void {
    if (bytes.byteLength > 0) {
      if (!this.#over) this.#inbound.push(bytes);
      this.#owedBytes += bytes.byteLength;
      if (this.#over || !(this.holdsMessages || this.#inbound.busy)) this.payCredit();
    }
    if (end) this.#endRequest();
    else if (this.#over) stream.reset(RESET_CODE.noError);
  }
  onWritable(): void {
    this.outbound.onWritable();
  }
  onReset(_stream: ByteStream, cause: Parameters<StreamHandler['onReset']>[1]): void {
    if (!this.#over) this.#leave(errorOfReset(cause));
  }
  onClosed(): void {
    this.#requestEnded = true;
  }

  /** The deadline has passed. */
  expired(): void {
    this.fail(new MeshError('deadline-exceeded', 'the deadline passed before the answer was complete'));
  }

  /** Returns the credit of bytes that were held back while messages waited. */
  protected payCredit(): void {
    const owed = this.#owedBytes;
    this.#owedBytes = 0;
    if (owed > 0) this.stream.consume(owed);
  }

  /** Sends the response's headers if that has not happened. */
  protected openResponse(): void {
    if (this.#headersSent || this.#over) return;
    this.#headersSent = true;
    const encoding = this.#setup.responseEncoding;
    if (this.#headerFields === undefined && encoding === 'identity') {
      this.stream.sendHeaders(RESPONSE_HEADERS, false);
      return;
    }
    const fields = [...RESPONSE_FIELDS, ...(this.#headerFields ?? [])];
    if (encoding !== 'identity') fields.push('grpc-encoding', encoding);
    this.stream.sendHeaders(headerBlock(fields), false);
  }

  /** Ends the call well, after the messages that were sent. */
  protected succeed(): void {
    if (this.#over) return;
    this.openResponse();
    const own = this.#trailerFields;
    this.stream.sendTrailers(own === undefined ? OK_TRAILERS : headerBlock(['grpc-status', '0', ...own]));
    this.#finish();
  }

  /** Ends the call with an error: in trailers, or in a trailers-only answer when nothing was sent yet. */
  fail(thrown: unknown): void {
    if (this.#over) return;
    const error = toMeshError(thrown);
    if (error.kind === 'internal') this.#setup.onFault(error.cause ?? error, this.path);
    const fields = [...trailersOfError(error), ...(this.#trailerFields ?? [])];
    if (this.#headersSent) this.stream.sendTrailers(headerBlock(fields));
    else this.stream.sendHeaders(headerBlock([...RESPONSE_FIELDS, ...(this.#headerFields ?? []), ...fields]), true);
    this.#leave(error);
    if (!this.#requestEnded) this.stream.reset(RESET_CODE.noError);
  }

  #finish(): void {
    this.#over = true;
    if (this.#timer !== undefined) this.#setup.timers.cancel(this.#timer);
    this.#inbound.stop();
    this.payCredit();
    if (!this.#requestEnded) this.stream.reset(RESET_CODE.noError);
  }

  #leave(error: MeshError): void {
    this.#over = true;
    this.#gone = error;
    if (this.#timer !== undefined) this.#setup.timers.cancel(this.#timer);
    this.#inbound.stop();
    this.outbound.stop();
    this.payCredit();
    this.#abort?.abort(error);
    this.stopReading(error);
  }

  #endRequest(): void {
    if (this.#requestEnded) return;
    this.#requestEnded = true;
    this.#inbound.end();
  }
}
