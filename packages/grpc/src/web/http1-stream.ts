import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { connectionInfoOf } from '../listen/index.ts';
import {
  type AcceptStream,
  type ByteStream,
  type HeaderBlock,
  headerBlock,
  RESET_CODE,
  type ResetCause,
  type ServerConnection,
  type StreamHandler,
} from '../stream/index.ts';

/** Bytes of a request that are delivered and not consumed, above which its connection is not read: as much as a stream of HTTP/2 has. */
export const HTTP1_WINDOW_BYTES = 65_535;
/** Bytes of a request that are thrown away behind its answer so that the connection can go on; beyond, it is ended. */
export const HTTP1_LINGER_BYTES_MAX = 1_048_576;

const NO_CONTENT = 204;
const NOT_MODIFIED = 304;
const NOTHING: Uint8Array = new Uint8Array(0);
const STREAM: unique symbol = Symbol('stream');
/** Requests and answers know their stream, so that listeners are shared functions and not closures per request. */
type Bound<Native> = Native & { [STREAM]: Http1Stream };

function onData(this: Bound<IncomingMessage>, bytes: Uint8Array): void {
  this[STREAM].received(bytes);
}
function onEnd(this: Bound<IncomingMessage>): void {
  this[STREAM].receivedEnd();
}
function onRequestClose(this: Bound<IncomingMessage>): void {
  this[STREAM].requestClosed();
}
function onDrain(this: Bound<ServerResponse>): void {
  this[STREAM].drained();
}
function onClose(this: Bound<ServerResponse>): void {
  this[STREAM].closed();
}
const ERROR_IS_TOLD_BY_CLOSE = (): void => undefined;

const CLIENT_LEFT: ResetCause = { kind: 'connection-lost', message: 'the client went away' };

/** Fields that belong to one connection of HTTP/1.1 and have no place in a stream. Source: RFC 9113 §8.2.2. */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What HTTP/2 lets stand in a value and HTTP/1.1 does not (RFC 9110 §5.5): whoever answers may have said it. */
const FORBIDDEN_IN_LINES = /[^\t -~\x80-\xff]/g;

/** A flat list of fields as lines can hold them: with spaces in place of what they cannot, as RFC 9110 §5.5 allows. */
const linesOf = (fields: readonly string[]): readonly string[] => fields.map((text) => text.replace(FORBIDDEN_IN_LINES, ' '));

/** One request of HTTP/1.1 and its answer as a stream of the stream port, which keeps the port's laws. */
class Http1Stream implements ByteStream {
  owner: unknown = undefined;
  readonly #request: Bound<IncomingMessage>;
  readonly #response: Bound<ServerResponse>;
  readonly #awaitsContinue: boolean;
  #handler: StreamHandler | undefined;
  #requestEnded: boolean;
  #answerEnded = false;
  #unconsumedBytes = 0;
  #lingeredBytes = 0;
  #resetCode: number | undefined;
  #over = false;

  constructor(request: IncomingMessage, response: ServerResponse, requestEnded: boolean, awaitsContinue: boolean) {
    this.#request = request as Bound<IncomingMessage>;
    this.#response = response as Bound<ServerResponse>;
    this.#request[STREAM] = this;
    this.#response[STREAM] = this;
    this.#requestEnded = requestEnded;
    this.#awaitsContinue = awaitsContinue;
  }

  /** Begins to read; `handler` hears of nothing before. */
  begin(handler: StreamHandler): void {
    this.#handler = handler;
    this.#request.on('error', ERROR_IS_TOLD_BY_CLOSE);
    this.#response.on('error', ERROR_IS_TOLD_BY_CLOSE);
    this.#response.on('drain', onDrain);
    this.#response.on('close', onClose);
    this.#request.on('data', onData);
    this.#request.on('end', onEnd);
    this.#request.on('close', onRequestClose);
    if (this.#awaitsContinue && !this.#answerEnded) this.#response.writeContinue();
  }

  sendHeaders(headers: HeaderBlock, end: boolean): void {
    if (this.#isDeaf) return;
    const fields = linesOf(headers.without((name) => name.startsWith(':') || CONNECTION_FIELDS.has(name)).raw());
    const status = Number(headers.get(':status') ?? 200);
    // An answer to HEAD says the length that it would have; some can have none (RFC 9110 §8.6).
    const saysLength = end && status !== NO_CONTENT && status !== NOT_MODIFIED && headers.get('content-length') === undefined;
    this.#response.writeHead(status, saysLength ? [...fields, 'content-length', '0'] : [...fields]);
    if (end) this.#end(NOTHING);
    // With the first bytes where those follow at once.
    else process.nextTick(flushHeaders, this.#response);
  }

  sendData(bytes: Uint8Array, end: boolean): boolean {
    if (this.#isDeaf) return true;
    if (!end) return bytes.byteLength === 0 || this.#response.write(bytes);
    this.#end(bytes);
    return true;
  }

  sendTrailers(trailers: HeaderBlock): void {
    if (this.#isDeaf) return;
    const fields = linesOf(trailers.raw());
    for (let at = 0; at < fields.length; at += 2) this.#response.addTrailers([[fields[at] ?? '', fields[at + 1] ?? '']]);
    this.#end(NOTHING);
  }

  reset(code: number): void {
    if (this.#over || this.#resetCode !== undefined) return;
    this.#resetCode = code;
    const keepsAnswer = code === RESET_CODE.noError && this.#answerEnded;
    if (keepsAnswer) this.#request.resume();
    else this.#response.destroy();
    process.nextTick(finish, this, { kind: 'local-reset', code } satisfies ResetCause);
  }

  consume(byteCount: number): void {
    this.#unconsumedBytes -= Math.min(byteCount, this.#unconsumedBytes);
    if (this.#unconsumedBytes <= HTTP1_WINDOW_BYTES && this.#request.isPaused()) this.#request.resume();
  }

  received(bytes: Uint8Array): void {
    if (this.#over || this.#resetCode !== undefined) {
      this.#lingeredBytes += bytes.byteLength;
      if (this.#lingeredBytes > HTTP1_LINGER_BYTES_MAX) this.#request.destroy();
      return;
    }
    this.#unconsumedBytes += bytes.byteLength;
    this.#handler?.onData(this, bytes, false);
    if (this.#unconsumedBytes > HTTP1_WINDOW_BYTES) this.#request.pause();
  }

  receivedEnd(): void {
    if (this.#requestEnded) return;
    this.#requestEnded = true;
    if (!this.#over && this.#resetCode === undefined) this.#handler?.onData(this, NOTHING, true);
    if (this.#response.writableFinished) this.closed();
  }

  /** Nothing more comes of the request. */
  requestClosed(): void {
    if (!this.#requestEnded) this.finish(CLIENT_LEFT);
  }

  drained(): void {
    if (!this.#isDeaf) this.#handler?.onWritable(this);
  }

  /** The answer was sent, or the connection is gone. */
  closed(): void {
    if (this.#over) return;
    if (!this.#response.writableFinished || !this.#answerEnded) {
      this.finish(CLIENT_LEFT);
    } else if (this.#requestEnded) {
      this.#over = true;
      this.#handler?.onClosed(this);
    } else {
      // The rest of the request may come, but for nobody.
      this.#request.resume();
    }
  }

  finish(cause: ResetCause): void {
    if (this.#over) return;
    this.#over = true;
    this.#handler?.onReset(this, cause);
  }

  get #isDeaf(): boolean {
    return this.#over || this.#answerEnded || this.#resetCode !== undefined;
  }

  #end(bytes: Uint8Array): void {
    this.#answerEnded = true;
    if (bytes.byteLength === 0) this.#response.end();
    else this.#response.end(bytes);
  }
}

function finish(stream: Http1Stream, cause: ResetCause): void {
  stream.finish(cause);
}

function flushHeaders(response: ServerResponse): void {
  if (!response.destroyed && !response.writableEnded) response.flushHeaders();
}

const CONNECTIONS = new WeakMap<Socket, ServerConnection>();

/** One connection of HTTP/1.1, which carries one stream at a time. */
function connectionOf(socket: Socket): ServerConnection {
  const known = CONNECTIONS.get(socket);
  if (known !== undefined) return known;
  const made: ServerConnection = {
    info: connectionInfoOf(socket),
    streamCount: 1,
    // Whoever serves HTTP/1.1 ends its connections.
    drain: () => undefined,
    destroy: () => socket.destroy(),
    onClose: undefined,
  };
  CONNECTIONS.set(socket, made);
  return made;
}

function headersOf(request: IncomingMessage, isEncrypted: boolean): HeaderBlock {
  const fields = [
    ':method',
    request.method ?? 'GET',
    ':scheme',
    isEncrypted ? 'https' : 'http',
    ':path',
    request.url ?? '/',
    ':authority',
    request.headers.host ?? '',
  ];
  const raw = request.rawHeaders;
  for (let at = 0; at < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase();
    if (!CONNECTION_FIELDS.has(name)) fields.push(name, raw[at + 1] ?? '');
  }
  return headerBlock(fields);
}

/**
 * Gives a request that a server on `node:http` received to `accept`, as a stream. `awaitsContinue`: the client sends its body only after
 * `100 Continue`, which it is told unless it is answered at once.
 */
export function acceptHttp1(
  request: IncomingMessage,
  response: ServerResponse,
  awaitsContinue: boolean,
  accept: AcceptStream,
): void {
  const connection = connectionOf(request.socket);
  const isEmpty = request.headers['transfer-encoding'] === undefined && Number(request.headers['content-length'] ?? 0) === 0;
  const stream = new Http1Stream(request, response, isEmpty, awaitsContinue);
  stream.begin(accept(stream, headersOf(request, connection.info.encrypted), isEmpty, connection));
}
