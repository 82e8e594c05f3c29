import type { MeshError } from '@modelmesh/core';
import { type ByteStream, type HeaderBlock, headerBlock, RESET_CODE, type StreamHandler } from '@modelmesh/grpc/stream';
import type { Principal } from '../../../authz/index.ts';
import { BodyCollector } from './body-collector.ts';
import type { BodyLimits, ExchangeListener, HttpExchange } from './port.ts';
import { announcedLength, splitTarget } from './request-target.ts';

const NOTHING: Uint8Array = new Uint8Array(0);

/** What is done with bytes of the body. */
type Reading =
  /** They wait in the stream's window, without credit. */
  | { readonly kind: 'not-yet'; readonly held: Uint8Array[] }
  | { readonly kind: 'collecting'; readonly collector: BodyCollector }
  /** Refused or answered: they are thrown away. */
  | { readonly kind: 'discarding' };

/** An exchange on a stream of the stream port: HTTP/2. */
class StreamExchange implements HttpExchange, StreamHandler {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: HeaderBlock;
  readonly principal: Principal;
  readonly encrypted: boolean;
  listener: ExchangeListener | undefined = undefined;
  readonly #stream: ByteStream;
  #reading: Reading = { kind: 'not-yet', held: [] };
  #collector: BodyCollector | undefined;
  #requestEnded: boolean;
  /** Bytes of a body that came in one piece and was not copied: their credit returns with the answer, whose request needs none any more. */
  #lentBytes = 0;
  #begun = false;
  /** Nothing more is to be said: all of the answer was given, or nobody is there to hear it. */
  #over = false;

  constructor(stream: ByteStream, headers: HeaderBlock, requestEnded: boolean, principal: Principal, encrypted: boolean) {
    const { path, query } = splitTarget(headers.get(':path') ?? '/');
    this.method = headers.get(':method') ?? 'GET';
    this.path = path;
    this.query = query;
    this.headers = headers;
    this.principal = principal;
    this.encrypted = encrypted;
    this.#stream = stream;
    this.#requestEnded = requestEnded;
  }

  get bodyBytes(): number {
    return this.#collector?.filled ?? 0;
  }

  readBody(limits: BodyLimits): void {
    const reading = this.#reading;
    if (this.#begun || this.#over || reading.kind !== 'not-yet') return;
    const collector = new BodyCollector(limits, announcedLength(this.headers.get('content-length')));
    const refusal = collector.refusal();
    if (refusal !== undefined) {
      this.listener?.onBodyRefused(refusal);
      return;
    }
    this.#collector = collector;
    this.#reading = { kind: 'collecting', collector };
    const isWhole = this.#requestEnded && reading.held.length === 1;
    for (const bytes of reading.held) this.#take(bytes, isWhole);
    if (this.#requestEnded && this.#reading.kind === 'collecting') this.listener?.onBody(collector.take());
  }

  respond(status: number, fields: readonly string[], chunks: readonly Uint8Array[]): void {
    if (this.#begun || this.#over) return;
    this.#begin();
    this.#over = true;
    let length = 0;
    for (const chunk of chunks) length += chunk.length;
    const bare = length === 0 || this.method === 'HEAD';
    this.#sendHead(status, [...fields, 'content-length', String(length)], bare);
    if (!bare) {
      const last = chunks.length - 1;
      for (const [index, chunk] of chunks.entries()) this.#stream.sendData(chunk, index === last);
    }
    this.#waiveRest();
  }

  startStream(status: number, fields: readonly string[]): void {
    if (this.#begun || this.#over) return;
    this.#begin();
    this.#sendHead(status, fields, false);
  }

  write(bytes: Uint8Array): boolean {
    return this.#over || bytes.length === 0 || this.#stream.sendData(bytes, false);
  }

  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#stream.sendData(NOTHING, true);
    this.#waiveRest();
  }

  onHeaders(): void {}

  onData(stream: ByteStream, bytes: Uint8Array, end: boolean): void {
    if (end) this.#requestEnded = true;
    const reading = this.#reading;
    if (reading.kind === 'not-yet') {
      if (bytes.length > 0) reading.held.push(bytes);
      return;
    }
    if (reading.kind === 'discarding') {
      stream.consume(bytes.length);
      return;
    }
    this.#take(bytes, end);
    if (end && this.#reading === reading) this.listener?.onBody(reading.collector.take());
  }

  onTrailers(stream: ByteStream): void {
    this.onData(stream, NOTHING, true);
  }

  onReset(): void {
    this.#release();
    const { listener } = this;
    if (!this.#over) {
      this.#over = true;
      listener?.onAborted();
    }
    listener?.onOver();
  }

  onWritable(): void {
    if (!this.#over) this.listener?.onWritable();
  }

  onClosed(): void {
    this.#over = true;
    this.#release();
    this.listener?.onOver();
  }

  /** Takes bytes of the body and returns their credit, unless they are the body: `isLast` and nothing before. */
  #take(bytes: Uint8Array, isLast: boolean): void {
    const reading = this.#reading;
    const isWhole = isLast && reading.kind === 'collecting' && reading.collector.filled === 0;
    const refusal = reading.kind === 'collecting' ? collect(reading.collector, bytes, isWhole) : undefined;
    if (isWhole && refusal === undefined) this.#lentBytes = bytes.length;
    else this.#stream.consume(bytes.length);
    if (refusal === undefined) return;
    this.#reading = { kind: 'discarding' };
    this.listener?.onBodyRefused(refusal);
  }

  #begin(): void {
    this.#begun = true;
    this.#release();
    if (this.#lentBytes > 0) this.#stream.consume(this.#lentBytes);
    this.#lentBytes = 0;
    const reading = this.#reading;
    this.#reading = { kind: 'discarding' };
    if (reading.kind === 'not-yet') for (const bytes of reading.held) this.#stream.consume(bytes.length);
  }

  #release(): void {
    this.#collector?.release();
    this.#collector = undefined;
  }

  #sendHead(status: number, fields: readonly string[], end: boolean): void {
    this.#stream.sendHeaders(headerBlock([':status', String(status), ...fields]), end);
  }

  /** The rest of a request that is answered is of no use to anyone. */
  #waiveRest(): void {
    if (!this.#requestEnded) this.#stream.reset(RESET_CODE.noError);
  }
}

const collect = (collector: BodyCollector, bytes: Uint8Array, isWhole: boolean): MeshError | undefined =>
  isWhole ? collector.pushWhole(bytes) : collector.push(bytes, false);

/** The exchange of a stream that is no gRPC; at the same time the handler that `accept` has to return. @param encrypted whether it came over TLS */
export function streamExchange(
  stream: ByteStream,
  headers: HeaderBlock,
  requestEnded: boolean,
  principal: Principal,
  encrypted: boolean,
): HttpExchange & StreamHandler {
  return new StreamExchange(stream, headers, requestEnded, principal, encrypted);
}
