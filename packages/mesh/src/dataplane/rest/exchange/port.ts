import type { MeshError } from '@modelmesh/core';
import type { HeaderBlock } from '@modelmesh/grpc/stream';
import type { Principal } from '../../../authz/index.ts';
import type { ByteBudget } from '../../call/index.ts';

/** How much of a request's body may be held. */
export interface BodyLimits {
  /** The largest body, as it is sent. */
  readonly bytesMax: number;
  /** Shared by all bodies of a worker; what a body takes of it is given back when the exchange is over. */
  readonly budget: ByteBudget;
}

/** Hears what becomes of an exchange. Nothing is called from inside a method of the exchange, except where it says so. */
export interface ExchangeListener {
  /** The whole body, which belongs to the listener. Once, after {@link HttpExchange.readBody}; from inside it when there is no body. */
  onBody(body: Uint8Array): void;
  /** The body is too large: answer now. From inside {@link HttpExchange.readBody} when the announced length says so already. */
  onBodyRefused(error: MeshError): void;
  /** After {@link HttpExchange.write} returned false: more may be written. */
  onWritable(): void;
  /** The client went away before the answer was complete. */
  onAborted(): void;
  /** The exchange is over: the answer was taken from our hands, or nobody is there to take it. Last, and once. */
  onOver(): void;
}

/**
 * One HTTP request and its answer, whatever version of HTTP carries them. Header fields are flat lists name, value, name, value … with
 * lower-case names. Ends with `respond`, `end` or `onAborted`; after that every method does nothing.
 */
export interface HttpExchange {
  /** Upper case. */
  readonly method: string;
  /** As it stands in the request, percent-encoded, without the query. */
  readonly path: string;
  /** What follows the `?`; empty without one. */
  readonly query: string;
  readonly headers: HeaderBlock;
  readonly principal: Principal;
  /** Whether it came over TLS. */
  readonly encrypted: boolean;
  /** Bytes of the body that have arrived since {@link readBody}, while it is not complete. */
  readonly bodyBytes: number;
  /** To be set by whoever handles the exchange before it returns to the event loop. */
  listener: ExchangeListener | undefined;
  /**
   * Begins to read the body. Until then hardly anything of it is taken from the socket, and a client that asked (`Expect: 100-continue`) is
   * not told to send it. A listener that answers without a body read leaves the rest of it to the exchange.
   */
  readBody(limits: BodyLimits): void;
  /** The whole answer; `content-length` is added. Takes ownership of the chunks. */
  respond(status: number, fields: readonly string[], chunks: readonly Uint8Array[]): void;
  /** The beginning of an answer whose length is not known. */
  startStream(status: number, fields: readonly string[]): void;
  /** More of a started answer; takes ownership. False: stop until `onWritable`. */
  write(bytes: Uint8Array): boolean;
  /** The end of a started answer. */
  end(): void;
}
