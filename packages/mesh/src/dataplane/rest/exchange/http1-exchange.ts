import type { IncomingMessage, ServerResponse } from 'node:http';
import { type HeaderBlock, headerBlock } from '@modelmesh/grpc/stream';
import type { Principal } from '../../../authz/index.ts';
import { BodyCollector } from './body-collector.ts';
import type { BodyLimits, ExchangeListener, HttpExchange } from './port.ts';
import { announcedLength, splitTarget } from './request-target.ts';

/** What a server on `node:http` knows of a request besides the request. */
export interface Http1Facts {
  readonly principal: Principal;
  /** It came over TLS. */
  readonly encrypted: boolean;
  /** It came as `checkContinue`: the client waits to be told before it sends the body. */
  readonly awaitsContinue: boolean;
}

/** Announced bytes of a body that is not wanted, up to which they are thrown away to keep the connection. */
const KEEP_ALIVE_DISCARD_BYTES_MAX = 1_048_576;
/**
 * Bytes that are read and thrown away behind an answer that closes the connection. A client that still sends would lose the answer if the
 * connection were reset under it; one that sends more than this is not waited for.
 */
const LINGER_BYTES_MAX = 16_777_216;

const NOTHING: Uint8Array = new Uint8Array(0);
const EXCHANGE: unique symbol = Symbol('exchange');
/** Requests and answers know their exchange, so that listeners are shared functions and not closures per request. */
type Bound<Native> = Native & { [EXCHANGE]: Http1Exchange };

function onData(this: Bound<IncomingMessage>, bytes: Uint8Array): void {
  this[EXCHANGE].received(bytes);
}
function onEnd(this: Bound<IncomingMessage>): void {
  this[EXCHANGE].receivedEnd();
}
function onDrain(this: Bound<ServerResponse>): void {
  this[EXCHANGE].drained();
}
function onClose(this: Bound<ServerResponse>): void {
  this[EXCHANGE].closed();
}
const ERROR_IS_TOLD_BY_CLOSE = (): void => undefined;

/** What is done with bytes of the body. */
type Reading =
  | { readonly kind: 'not-yet' }
  | { readonly kind: 'collecting'; readonly collector: BodyCollector }
  | { readonly kind: 'ended' }
  /** Refused, or the answer was given: bytes are thrown away. */
  | { readonly kind: 'discarding' }
  /** The answer closes the connection as soon as the body ends or grows too long. */
  | { readonly kind: 'lingering' };

/** An exchange on `node:http`: HTTP/1.1 with keep-alive and pipelining. */
class Http1Exchange implements HttpExchange {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly principal: Principal;
  readonly encrypted: boolean;
  listener: ExchangeListener | undefined = undefined;
  readonly #request: Bound<IncomingMessage>;
  readonly #response: Bound<ServerResponse>;
  readonly #awaitsContinue: boolean;
  readonly #announced: number;
  #headers: HeaderBlock | undefined;
  #reading: Reading;
  #collector: BodyCollector | undefined;
  #askedForBody = false;
  #lingered = 0;
  #begun = false;
  /** Nothing more is to be said: all of the answer was given, or nobody is there to hear it. */
  #over = false;

  constructor(request: IncomingMessage, response: ServerResponse, facts: Http1Facts) {
    const { path, query } = splitTarget(request.url ?? '/');
    this.method = request.method ?? 'GET';
    this.path = path;
    this.query = query;
    this.principal = facts.principal;
    this.encrypted = facts.encrypted;
    this.#request = request as Bound<IncomingMessage>;
    this.#response = response as Bound<ServerResponse>;
    this.#request[EXCHANGE] = this;
    this.#response[EXCHANGE] = this;
    const chunked = request.headers['transfer-encoding'] !== undefined;
    const announced = announcedLength(request.headers['content-length']);
    this.#announced = chunked ? -1 : Math.max(0, announced);
    this.#awaitsContinue = facts.awaitsContinue;
    this.#reading = this.#announced === 0 ? { kind: 'ended' } : { kind: 'not-yet' };
    request.on('error', ERROR_IS_TOLD_BY_CLOSE);
    response.on('error', ERROR_IS_TOLD_BY_CLOSE);
    response.on('drain', onDrain);
    response.on('close', onClose);
  }

  get headers(): HeaderBlock {
    this.#headers ??= headerBlock(this.#request.rawHeaders.map((text, at) => (at % 2 === 0 ? text.toLowerCase() : text)));
    return this.#headers;
  }

  get bodyBytes(): number {
    return this.#collector?.filled ?? 0;
  }

  readBody(limits: BodyLimits): void {
    if (this.#begun || this.#over) return;
    if (this.#reading.kind === 'ended') {
      this.listener?.onBody(NOTHING);
      return;
    }
    if (this.#reading.kind !== 'not-yet') return;
    const collector = new BodyCollector(limits, this.#announced);
    const refusal = collector.refusal();
    if (refusal !== undefined) {
      this.listener?.onBodyRefused(refusal);
      return;
    }
    this.#reading = { kind: 'collecting', collector };
    this.#collector = collector;
    if (this.#awaitsContinue) this.#response.writeContinue();
    this.#flow();
  }

  respond(status: number, fields: readonly string[], chunks: readonly Uint8Array[]): void {
    if (this.#begun || this.#over) return;
    this.#begun = true;
    this.#over = true;
    this.#release();
    const rest = this.#restOfBody();
    let length = 0;
    for (const chunk of chunks) length += chunk.length;
    const head = [...fields, 'content-length', String(length)];
    if (rest === 'close' || rest === 'linger') head.push('connection', 'close');
    this.#response.writeHead(status, head);
    const [only] = chunks;
    if (chunks.length === 1 && only !== undefined && rest !== 'linger') this.#response.end(only);
    else this.#writeAll(chunks, rest === 'linger');
    if (rest === 'discard' || rest === 'linger') {
      this.#reading = { kind: rest === 'linger' ? 'lingering' : 'discarding' };
      this.#flow();
    }
  }

  startStream(status: number, fields: readonly string[]): void {
    if (this.#begun || this.#over) return;
    this.#begun = true;
    this.#release();
    this.#response.writeHead(status, [...fields]);
    this.#response.flushHeaders();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#over || bytes.length === 0) return true;
    return this.#response.write(bytes);
  }

  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#response.end();
  }

  received(bytes: Uint8Array): void {
    const reading = this.#reading;
    if (reading.kind === 'lingering') {
      this.#lingered += bytes.length;
      if (this.#lingered > LINGER_BYTES_MAX) this.#endLingering();
      return;
    }
    if (reading.kind !== 'collecting') return;
    const refusal = reading.collector.push(bytes, true);
    if (refusal === undefined) return;
    this.#reading = { kind: 'discarding' };
    this.#request.pause();
    this.listener?.onBodyRefused(refusal);
  }

  receivedEnd(): void {
    const reading = this.#reading;
    if (reading.kind === 'lingering') {
      this.#endLingering();
      return;
    }
    this.#reading = { kind: 'ended' };
    if (reading.kind === 'collecting' && !this.#over) this.listener?.onBody(reading.collector.take());
  }

  drained(): void {
    if (!this.#over) this.listener?.onWritable();
  }

  /** The answer is sent, or the connection is gone. */
  closed(): void {
    this.#release();
    const { listener } = this;
    if (!this.#over) {
      this.#over = true;
      listener?.onAborted();
    }
    listener?.onOver();
  }

  #writeAll(chunks: readonly Uint8Array[], lingers: boolean): void {
    for (const chunk of chunks) if (chunk.length > 0) this.#response.write(chunk);
    if (lingers) this.#response.flushHeaders();
    else this.#response.end();
  }

  #release(): void {
    this.#collector?.release();
    this.#collector = undefined;
  }

  /** Lets the body come, whatever becomes of it. */
  #flow(): void {
    if (!this.#askedForBody) {
      this.#askedForBody = true;
      this.#request.on('data', onData);
      this.#request.on('end', onEnd);
    }
    this.#request.resume();
  }

  /** What has to become of the part of the body that nobody read. */
  #restOfBody(): 'nothing' | 'discard' | 'close' | 'linger' {
    if (this.#reading.kind === 'ended') return 'nothing';
    // Told nothing, the client may send its body or leave it: what comes next on the connection cannot be told apart.
    if (this.#awaitsContinue && !this.#askedForBody) return 'close';
    return this.#announced >= 0 && this.#announced <= KEEP_ALIVE_DISCARD_BYTES_MAX ? 'discard' : 'linger';
  }

  #endLingering(): void {
    this.#reading = { kind: 'ended' };
    this.#response.end();
  }
}

/** The exchange of a request that a server on `node:http` received. */
export function http1Exchange(request: IncomingMessage, response: ServerResponse, facts: Http1Facts): HttpExchange {
  return new Http1Exchange(request, response, facts);
}
