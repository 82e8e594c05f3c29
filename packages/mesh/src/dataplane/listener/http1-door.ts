import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { DurationMs } from '@modelmesh/core';
import { originForm } from '../rest/index.ts';

/** An idle connection is kept this long between requests: longer than load balancers commonly do, so that they never meet a closed one. */
const KEEP_ALIVE_MS = 75_000;
/** How often Node looks for connections whose headers are late, as a share of the time that they have. */
const CHECKS_PER_TIMEOUT = 4;

/** Why the parser refuses a request, by its error code; for any other it is no HTTP/1.1. */
const REFUSALS: ReadonlyMap<string | undefined, Refusal> = new Map([
  ['HPE_HEADER_OVERFLOW', { status: 431, error: 'the headers are larger than this node takes (headerListBytesMax)' }],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', { status: 413, error: 'the extensions of the chunks are too large' }],
  ['ERR_HTTP_REQUEST_TIMEOUT', { status: 408, error: 'the headers of the request did not come to an end in time' }],
]);
const NO_HTTP: Refusal = { status: 400, error: 'this is no request of HTTP/1.1' };
const NO_HOST: Refusal = { status: 400, error: 'a request of HTTP/1.1 needs a Host header' };
const NO_TUNNEL: Refusal = { status: 501, error: 'this node is no proxy: it opens no tunnel (CONNECT)' };
const TOO_LATE: Refusal = { status: 503, error: 'the node is shutting down, and the request did not arrive in time' };
const NO_EXPECTATION: Refusal = { status: 417, error: 'the only expectation that is met is 100-continue' };

/** What the parser says of bytes that it cannot read. */
interface ParserError extends NodeJS.ErrnoException {
  /** What was read last. */
  readonly rawPacket?: Buffer;
}

/** How many bytes of a first line are looked at. */
const FIRST_LINE_BYTES_MAX = 8192;

/**
 * Whether bytes are of another protocol: they begin with no method, and the line names no version of HTTP. Words of HTTP/1.1 would be taken for frames
 * by a client of HTTP/2 whose preface is wrong (RFC 9113 §3.4).
 */
function speaksOtherwise({ code, rawPacket }: ParserError): boolean {
  if (code !== 'HPE_INVALID_METHOD' || rawPacket === undefined) return false;
  const [line = ''] = rawPacket.subarray(0, FIRST_LINE_BYTES_MAX).toString('latin1').split('\n', 1);
  return !/ HTTP\/1\.\d\r?$/.test(line);
}

/** A request that no route will hear of. */
interface Refusal {
  readonly status: number;
  readonly error: string;
}

/** What a door for HTTP/1.1 needs. */
export interface Http1DoorParts {
  readonly headerBytesMax: number;
  /** From the first byte of a request, or of the connection, until its headers are complete. */
  readonly headersTimeoutMs: DurationMs;
  /** `awaitsContinue`: the client sends the body only after `100 Continue`. */
  readonly onRequest: (request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean) => void;
}

/** Serves HTTP/1.1 on sockets that are handed to it. */
export class Http1Door {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #answering = new Set<ServerResponse>();
  /** Whose last request was answered before its body had come to its end. */
  readonly #leftovers = new WeakSet<Socket>();
  /** One function for all answers, which are its `this`. */
  readonly #answered: (this: ServerResponse) => void;
  #draining = false;

  constructor({ headerBytesMax, headersTimeoutMs, onRequest }: Http1DoorParts) {
    this.#server = createServer({
      maxHeaderSize: headerBytesMax,
      headersTimeout: headersTimeoutMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: Math.max(1, Math.floor(headersTimeoutMs / CHECKS_PER_TIMEOUT)),
      noDelay: true,
      // Checked here, so that the refusal has a body.
      requireHostHeader: false,
    });
    const forget = (response: ServerResponse): void => {
      this.#answering.delete(response);
      if (!response.req.complete) this.#leftovers.add(response.req.socket);
      // An answer whose headers promised to keep the connection.
      if (this.#draining) this.#server.closeIdleConnections();
    };
    this.#answered = function answered() {
      forget(this);
    };
    const serve = (request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): void => {
      this.#track(response);
      this.#leftovers.delete(request.socket);
      // What is sent as to a proxy means its path here (RFC 9112 §3.2.2), whichever room answers.
      if (request.url !== undefined) request.url = originForm(request.url);
      if (request.headers.host === undefined && request.httpVersion === '1.1') refuse(response, NO_HOST);
      else onRequest(request, response, awaitsContinue);
    };
    this.#server.on('request', (request, response) => serve(request, response, false));
    this.#server.on('checkContinue', (request, response) => serve(request, response, true));
    this.#server.on('checkExpectation', (_request, response) => refuse(response, NO_EXPECTATION));
    this.#server.on('clientError', (error: ParserError, socket) => {
      if (speaksOtherwise(error)) socket.destroy();
      else this.#refuseBytes(REFUSALS.get(error.code) ?? NO_HTTP, socket);
    });
    // Node takes such a request for no request at all: unheard, its connection would end without a word.
    this.#server.on('connect', (_request, socket) => {
      socket.on('error', () => {});
      this.#refuseBytes(NO_TUNNEL, socket);
    });
    // Node starts to look for late headers when a server listens, which this one never does.
    this.#server.emit('listening');
  }

  /** Serves a socket, whose first bytes may have been read and unshifted. */
  accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    this.#server.emit('connection', socket);
  }

  /** Ends idle connections now and the others after their answer, which says so where its headers are not sent yet. */
  drain(): void {
    this.#draining = true;
    for (const response of this.#answering) response.shouldKeepAlive = false;
    this.#server.close();
    this.#server.closeIdleConnections();
  }

  /**
   * Refuses what is still on its way: requests whose headers or body are not complete. The bodies that are read and thrown away behind an
   * answer are not waited for either.
   */
  refuseIncomplete(): void {
    const underWay = new Map<Socket | null, ServerResponse>();
    for (const response of this.#answering) underWay.set(response.socket, response);
    for (const socket of this.#sockets) {
      const response = underWay.get(socket);
      if (response === undefined && this.#leftovers.has(socket)) socket.destroy();
      else if (response?.req.complete !== true) this.#refuseBytes(TOO_LATE, socket);
    }
  }

  /** What came on a connection is no request, or none that is taken. An answer that was begun is not spoilt. */
  #refuseBytes({ status, error }: Refusal, socket: Duplex): void {
    for (const response of this.#answering) if (response.socket === socket && response.headersSent) return void socket.destroy();
    if (!socket.writable) return void socket.destroy();
    const body = refusalBody(error);
    const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n`;
    socket.end(`${head}connection: close\r\n\r\n${body}`, 'latin1', () => socket.destroy());
  }

  #track(response: ServerResponse): void {
    if (this.#draining) response.shouldKeepAlive = false;
    this.#answering.add(response);
    response.on('close', this.#answered);
  }
}

/** Errors have the form of the Open Inference Protocol, also where no route answers (spec `kserve.md` §6.5, 22). */
const refusalBody = (error: string): string => JSON.stringify({ error });

function refuse(response: ServerResponse, { status, error }: Refusal): void {
  const body = refusalBody(error);
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': body.length, connection: 'close' })
    .end(body);
}
