import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { DurationMs } from '@modelmesh/core';

/** An idle connection is kept this long between requests: longer than load balancers commonly do, so that they never meet a closed one. */
const KEEP_ALIVE_MS = 75_000;
/** How often Node looks for connections whose headers are late, as a share of the time that they have. */
const CHECKS_PER_TIMEOUT = 4;

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
  readonly #answering = new Set<ServerResponse>();
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
    });
    const forget = (response: ServerResponse): void => {
      this.#answering.delete(response);
      // An answer whose headers promised to keep the connection.
      if (this.#draining) this.#server.closeIdleConnections();
    };
    this.#answered = function answered() {
      forget(this);
    };
    const serve = (request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): void => {
      this.#track(response);
      onRequest(request, response, awaitsContinue);
    };
    this.#server.on('request', (request, response) => serve(request, response, false));
    this.#server.on('checkContinue', (request, response) => serve(request, response, true));
    // Node starts to look for late headers when a server listens, which this one never does.
    this.#server.emit('listening');
  }

  /** Serves a socket, whose first bytes may have been read and unshifted. */
  accept(socket: Socket): void {
    this.#server.emit('connection', socket);
  }

  /** Ends idle connections now and the others after their answer, which says so where its headers are not sent yet. */
  drain(): void {
    this.#draining = true;
    for (const response of this.#answering) response.shouldKeepAlive = false;
    this.#server.close();
    this.#server.closeIdleConnections();
  }

  #track(response: ServerResponse): void {
    if (this.#draining) response.shouldKeepAlive = false;
    this.#answering.add(response);
    response.on('close', this.#answered);
  }
}
